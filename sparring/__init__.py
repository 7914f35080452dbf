"""A gym where language models train by playing against themselves, and prove that they got better."""
