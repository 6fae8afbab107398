"""Networks of our channels, as the contract suite uses them."""
