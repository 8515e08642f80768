"""What a county's bytes mean: a pure engine and, as data, one folder per county and record kind."""
