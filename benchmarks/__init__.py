"""How fast it is, beside the chain that one would write first; see docs/benchmarks.md."""
