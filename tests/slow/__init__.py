"""What takes long because keys are made and locked over and over: ``make slow``."""
