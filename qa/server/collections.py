"""``/v1/collections``: each is answered from by itself."""

from contextlib import suppress

from fastapi import APIRouter, Response

from qa.errors import (
    DiskFullError,
    EmbedderMismatchError,
    StoreUnreachableError,
    UnknownCollectionError,
    UsageError,
)
from qa.server.access import REFUSALS, Access
from qa.server.problems import describe
from qa.server.replies import CollectionHead, CollectionList
from qa.server.requests import NewCollection
from qa.server.service import Shared

router = APIRouter(prefix="/v1", tags=["documents"], responses=REFUSALS)


@router.get("/collections", summary="List collections", responses=describe(StoreUnreachableError))
def list_collections(service: Shared, access: Access) -> CollectionList:
    """The collections that the caller may read, and what is in them."""
    names = [name for name in service.store.names() if access.may("read", name)]
    heads: list[CollectionHead] = []
    for name in names:
        with suppress(UnknownCollectionError):  # deleted meanwhile
            heads.append(CollectionHead.of(service.store.collection(name)))
    return CollectionList(collections=heads)


@router.post(
    "/collections",
    status_code=201,
    summary="Make a collection",
    responses={
        200: {"model": CollectionHead, "description": "It was there already."},
        **describe(
            400, 413, 422, UsageError, EmbedderMismatchError, StoreUnreachableError, DiskFullError
        ),
    },
)
async def create_collection(
    wanted: NewCollection, response: Response, service: Shared, access: Access
) -> CollectionHead:
    """Make an empty collection; adding a document to a new one does so too."""
    access.require("admin", wanted.name)

    def create() -> tuple[bool, CollectionHead]:
        is_new = wanted.name not in service.store.names()
        return is_new, CollectionHead.of(service.open_for_writing(wanted.name))

    is_new, head = await service.write(create)
    if not is_new:
        response.status_code = 200
    return head


@router.delete(
    "/collections/{name}",
    status_code=204,
    summary="Delete a collection",
    responses=describe(422, UnknownCollectionError, StoreUnreachableError),
)
async def delete_collection(service: Shared, access: Access, name: str) -> None:
    """Delete a collection and all its documents; there is no way back."""
    access.require("admin", name)

    def delete() -> None:
        try:
            service.assembly.delete_collection(name)
        finally:
            service.forget(name)

    await service.write(delete)
