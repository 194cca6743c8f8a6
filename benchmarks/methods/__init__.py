"""Methods of simulation beside the programs that are known for them."""
