"""How each county writes records and papers down: pure functions from the population to native rows and files."""
