"""One file a migration, named by its revision. A migration never imports the tables of today."""
