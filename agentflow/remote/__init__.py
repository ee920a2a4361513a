"""[io] The client side: the only package besides `local` that imports anthropic."""
