"""How fast the work is, as ratios within one run. Never asserted as time on a clock."""
