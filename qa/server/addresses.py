"""What of an address may be anything: the id of a document, the name of a model."""

from starlette.convertors import Convertor, register_url_convertor


class _Rest(Convertor[str]):
    """All that is left of a path, slashes and line ends too.

    Starlette's own ``path`` takes no line end, and none at the end: ``a\\n`` would be ``a``.
    """

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """As it stands there."""
        return value

    def to_string(self, value: str) -> str:
        """The same."""
        return value


register_url_convertor("rest", _Rest())


def rest(name: str) -> str:
    """What stands in a route for all that is left, handed on as the parameter ``name``."""
    return f"{{{name}:rest}}"
