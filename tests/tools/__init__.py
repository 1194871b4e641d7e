"""What other tools say of pvtprof's own modules, and the script that asked them."""
