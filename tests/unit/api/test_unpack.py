"""A body is unpacked by its content; a small one that expands to gigabytes is noticed in time."""

import gzip
import random
import time
import zlib

import pytest

from artistjobs.api.unpack import MAX_LAYERS, PIECE_BYTES, DamagedBodyError, Unpacking

TEXT = b'{"a": "' + random.Random(1).randbytes(100_000).hex().encode() + b'"}'


def unpacked(body, label=""):
    unpacking = Unpacking(label)
    while (unpack := unpacking.next_layer(body)) is not None:
        body = b"".join(unpack(body))
    return body


@pytest.mark.parametrize("cut", [1, 7, 4096, 65_536, len(TEXT) - 1])
def test_members_of_any_size_are_read(cut):
    assert unpacked(gzip.compress(TEXT[:cut]) + gzip.compress(TEXT[cut:]), "gzip") == TEXT


def test_a_member_of_each_byte_is_read():
    assert unpacked(b"".join(gzip.compress(TEXT[n : n + 1]) for n in range(2000))) == TEXT[:2000]


@pytest.mark.parametrize("layers", [1, 2, MAX_LAYERS])
def test_layers_are_unpacked_up_to_a_limit(layers):
    body = TEXT
    for _ in range(layers):
        body = gzip.compress(body)

    assert unpacked(body) == TEXT
    for _ in range(MAX_LAYERS - layers + 1):
        body = gzip.compress(body)
    assert unpacked(body) != TEXT


@pytest.mark.parametrize("label", ["deflate", " Deflate ", "gzip, deflate", "deflate, gzip"])
@pytest.mark.parametrize("wbits", [15, -15])
def test_deflate_is_read_with_and_without_its_header(label, wbits):
    packer = zlib.compressobj(wbits=wbits)

    assert unpacked(packer.compress(TEXT) + packer.flush(), label) == TEXT


@pytest.mark.parametrize("body", [b"", b"{}", TEXT, b"\x1f", b"x\x9c"])
@pytest.mark.parametrize("label", ["", "gzip", "identity", "zstd", "nonsense"])
def test_what_is_not_packed_stays(body, label):
    assert unpacked(body, label) == body


@pytest.mark.parametrize("body", [b"\x1f\x8b", gzip.compress(TEXT)[:1000], b"\x1f\x8b" + b"nonsense" * 99])
def test_damage_is_told(body):
    with pytest.raises(DamagedBodyError):
        unpacked(body)


def test_a_bomb_comes_in_pieces():
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(bytes(20 * 2**20)) + packer.flush()

    sizes = [len(piece) for piece in Unpacking("").next_layer(bomb)(bomb)]

    assert sum(sizes) == 20 * 2**20
    assert max(sizes) <= PIECE_BYTES


def test_a_million_empty_members_take_no_time():
    body, before = gzip.compress(b"", mtime=0) * 1_000_000, time.process_time()

    assert unpacked(body) == b""
    assert time.process_time() - before < 10
