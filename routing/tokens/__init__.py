"""How many tokens a request takes, before anybody has counted them."""
