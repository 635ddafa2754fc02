"""From files, URLs and JSONL to stored, embedded chunks."""
