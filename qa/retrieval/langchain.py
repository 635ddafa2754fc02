"""The retriever as LangChain's; apart, since importing LangChain's takes a second."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever


class EvidenceRetriever(BaseRetriever):
    """The ranked evidence sentences as LangChain documents.

    The metadata of each document are the fields of ``Evidence``.
    """

    retriever: Any
    """A ``qa.retrieval.retriever.Retriever``; pydantic cannot check it."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [
            Document(id=item.sentence_id, page_content=item.text, metadata=item.model_dump())
            for item in self.retriever.retrieve(query).evidence
        ]
