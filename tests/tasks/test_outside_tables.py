"""Tables from outside are input: every fault is one line that names the file and the line."""

import gzip
from pathlib import Path

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

from mfbench.errors import DataError
from mfbench_tasks.constructions.choosing.families_large import CLUSTERS, DOMAINS, single_domain_chains
from mfbench_tasks.families.cath import chains_by_topology
from mfbench_tasks.families.chemistry import load_places
from mfbench_tasks.families.read_table import read_table
from mfbench_tasks.families.table import read_families

FAMILIES = Path(__file__).parents[2] / "tasks" / "families"
INDEX = "pdb_id\ttier\tresolution\tmembrane\n1aaa\tA\t1.5\t0\n1bbb\tA\t\t0\n"
CHAINS = (
    "pdb_id\tchain\tcath_how\tbc30_cluster\tcath_superfamilies\n"
    "1aaa\tA\tdirect\tc1\t1.1.1.10\n1bbb\tA\tdirect\tc2\t1.1.1.10\n"
)


def folder_of(path, index=INDEX, chains=CHAINS):
    (path / "index.tsv").write_text(index)
    (path / "chain_cath_cluster.tsv.gz").write_bytes(gzip.compress(chains.encode()))
    return path


def test_whole_tables_give_the_chains_of_a_topology(tmp_path):
    found = chains_by_topology(folder_of(tmp_path))
    assert [protein.name for _, protein, _ in found["1.1.1"]] == ["1aaa_A", "1bbb_A"]
    folder_of(tmp_path, INDEX.replace("\n", "\r\n"), CHAINS + "\n")
    assert chains_by_topology(tmp_path) == found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"index": INDEX[:-6]}, "index.tsv, line 3: 1 fields for 4 columns"),
        ({"chains": CHAINS[:-12]}, "chain_cath_cluster.tsv.gz, line 3: 4 fields for 5"),
        ({"index": INDEX.replace("1.5\t0", "1.5\t0\textra")}, "index.tsv, line 2: 5 fields"),
        ({"index": INDEX + "1aaa\tB\t9\t1\n"}, "index.tsv, line 4: 1aaa is there twice"),
        ({"chains": CHAINS + "1aaa\tA\tdirect\tc9\t2.2.2.2\n"}, "line 4: 1aaa A is there twice"),
        ({"chains": CHAINS.replace("cath_how", "how")}, "has no column cath_how"),
        ({"index": INDEX.splitlines()[0]}, "index.tsv is empty"),
        ({"index": ""}, "index.tsv is empty"),
    ],
)
def test_a_cut_table_is_refused_by_its_line(tmp_path, change, says):
    with pytest.raises(DataError, match=r"\.tsv") as caught:
        chains_by_topology(folder_of(tmp_path, **change))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "read"),
    [("cath.tsv", read_families), ("chemistry_places.tsv", load_places), ("million.tsv", read_families)],
)
def test_no_cut_of_a_committed_table_is_read_as_a_shorter_one(name, read, tmp_path):
    text = (FAMILIES / name).read_text()
    whole = len(read(FAMILIES / name))
    start = text.rindex("\n", 0, -1) + 1
    last_field = text.rindex("\t") + 1  # cut within it, a line has all its columns: nothing can tell
    for end in range(start + 1, last_field, 7):
        (tmp_path / name).write_text(text[:end])
        with pytest.raises(DataError, match=rf"{name}, line {whole + 1}: \d+ fields"):
            read(tmp_path / name)


def test_tables_without_a_header_name_the_line_too(tmp_path):
    (tmp_path / DOMAINS).write_bytes(gzip.compress(b"1aaaA00 1.1.1.10\n1bbbA00 1.1"))
    (tmp_path / CLUSTERS).write_bytes(gzip.compress(b"1 1AAA_A\n2"))
    with pytest.raises(DataError, match=rf"{CLUSTERS}, line 2"):
        single_domain_chains(tmp_path)


def test_a_table_that_is_damaged_in_its_bytes_is_one_line(tmp_path):
    folder_of(tmp_path)
    packed = (tmp_path / "chain_cath_cluster.tsv.gz").read_bytes()
    for data in (packed[:-9], b"plain text", b""):
        (tmp_path / "chain_cath_cluster.tsv.gz").write_bytes(data)
        with pytest.raises(DataError, match="chain_cath_cluster"):
            chains_by_topology(tmp_path)
    with pytest.raises(DataError, match="missing"):
        read_table(tmp_path / "none.tsv", ["a"])
