"""Publishing a folder of splits as one commit of a dataset repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mfbench.data.manifest import read_manifest, verify_files
from mfbench.errors import DataError
from mfbench.hub.client import hub_api, hub_errors

__all__ = ["Published", "check_folder", "publish"]


@dataclass(frozen=True)
class Published:
    """Where a folder went: splits, number of files, commit, and the address of that commit."""

    splits: tuple[str, ...]
    files: int
    commit: str
    url: str


def check_folder(folder: Path) -> tuple[str, ...]:
    """The splits of a folder, when all of it may be published: every file of every split has its hash,
    and the card is of these data.

    Raises:
        DataError: there is no split, a file is missing or altered, the card is missing or of other data.
    """
    found = sorted(path.parent for path in Path(folder).glob("*/manifest.json"))
    if not found:
        raise DataError(f"{folder} holds no split (no */manifest.json): give the folder of splits")
    card = Path(folder) / "README.md"
    text = card.read_text(encoding="utf-8") if card.is_file() else None
    for path in found:
        manifest = read_manifest(path)
        verify_files(path, manifest)
        if text is None or manifest.data_hash not in text:
            state = "is missing" if text is None else f"is not of {manifest.name} as it is here"
            raise DataError(f"{card} {state}: write it with mfbench data card {folder}")
    return tuple(path.name for path in found)


def publish(
    folder: Path,
    repo_id: str,
    *,
    revision: str | None = None,
    private: bool | None = None,
    message: str | None = None,
) -> Published:
    """Upload card and data in one commit; the repository is made where it does not exist.

    Files of the repository that the folder does not have stay, but shards of the pool do not: what no
    manifest names any more would only mislead.

    Args:
        revision: a branch, made where it does not exist. Default: main.
        private: of a repository that is made now. Default: as the owner's account says.

    Raises:
        DataError: see ``check_folder``.
        TransferError: no network, no permission.
    """
    splits = check_folder(folder)
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    api = hub_api()
    with hub_errors(repo_id, revision):
        api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repo_id, repo_type="dataset", branch=revision, exist_ok=True)
        there = api.dataset_info(repo_id, revision=revision).siblings or ()
        gone = [f.rfilename for f in there if f.rfilename.startswith("pool/") and f.rfilename not in files]
        commit = api.create_commit(
            repo_id,
            [CommitOperationAdd(name, path) for name, path in files.items()]
            + [CommitOperationDelete(name) for name in gone],
            commit_message=message or f"Publish {', '.join(splits)}",
            repo_type="dataset",
            revision=revision,
        )
    return Published(splits, len(files), commit.oid, str(commit.commit_url))
