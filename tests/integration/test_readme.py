"""The README's Python code, run as it stands; the models are fakes."""

import re
from pathlib import Path

from fake_llm import Reply

README = Path(__file__).parents[2] / "README.md"


def test_the_python_code_runs(run, llm, tmp_path, capsys):
    article = tmp_path / "call.txt"
    article.write_text("It rained. A mutual acquaintance arranged the call.", "utf-8")
    assert run("ingest", str(article))[0] == 0
    llm.say([Reply("A mutual acquaintance arranged the call.")])
    (code,) = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.M | re.S)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert capsys.readouterr().out == "A mutual acquaintance arranged the call. [1]\n"
    assert callable(names["chain"].invoke) and callable(names["retriever"].invoke)
    assert names["store"].embeddings is names["assembly"].embedder
