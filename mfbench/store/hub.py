"""A store in a dataset repository of the Hugging Face Hub: filing opens a pull request."""

from __future__ import annotations

from collections.abc import Mapping

from mfbench.errors import StoreError
from mfbench.store.files import RemoteFiles

__all__ = ["HubFiles"]


class HubFiles(RemoteFiles):
    """``hf://datasets/OWNER/NAME[/FOLDER]``. What is merged there is read as from any other store."""

    def add_folder(self, folder: str, files: Mapping[str, bytes], note: str) -> str | None:
        """One commit with all files, as a pull request; returns where it is."""
        return self._propose({f"{folder}/{name}": data for name, data in files.items()}, note)

    def write(self, path: str, data: bytes) -> None:
        """A fresh test is proposed like a submission; an index is each reader's own and is not pushed."""
        if path.startswith("verifications/"):
            self._propose({path: data}, f"Fresh test {path.split('/')[1]}")

    def _propose(self, files: Mapping[str, bytes], note: str) -> str:
        from huggingface_hub import CommitOperationAdd, HfApi
        from huggingface_hub.errors import HfHubHTTPError

        kind, owner, name, *inside = self.url.removeprefix("hf://").strip("/").split("/")
        if kind != "datasets":
            raise StoreError(f"{self.url}: a store is a dataset repository: hf://datasets/OWNER/NAME")
        operations = [
            CommitOperationAdd(path_in_repo="/".join([*inside, path]), path_or_fileobj=data)
            for path, data in files.items()
        ]
        try:
            commit = HfApi().create_commit(
                f"{owner}/{name}", operations, commit_message=note, repo_type="dataset", create_pr=True
            )
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise StoreError(f"{self.url}: {' '.join(str(error).split())[:200]}") from None
        return f"opened {commit.pr_url}"
