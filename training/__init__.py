"""How the cross-encoder and the confidence were made; not a part of the installed product."""
