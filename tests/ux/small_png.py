"""A picture of a screen with at most 256 colours: a third of the bytes, and no eye sees the difference."""

from __future__ import annotations

import base64
import struct
import zlib

from playwright.sync_api import Page

_REDUCE = """async (picture) => {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
  const paper = canvas.getContext("2d");
  paper.drawImage(image, 0, 0);
  const pixels = new Uint32Array(paper.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) || 0) + 1);
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const palette = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 256).map(([colour]) => parts(colour));
  const place = new Map();
  for (const colour of counts.keys()) {
    const [red, green, blue] = parts(colour);
    let best = 0, least = Infinity;
    palette.forEach(([r, g, b], at) => {
      const far = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
      if (far < least) [best, least] = [at, far];
    });
    place.set(colour, best);
  }
  let text = "";
  for (let at = 0; at < pixels.length; at += 8192)
    text += String.fromCharCode(...[...pixels.subarray(at, at + 8192)].map((colour) => place.get(colour)));
  return {width: image.width, height: image.height, palette: palette.flat(), places: btoa(text)};
}"""


def reduce_colours(page: Page, png: bytes) -> bytes:
    """The same picture with a palette; ``page`` is any page without a policy, such as ``about:blank``."""
    found = page.evaluate(_REDUCE, base64.b64encode(png).decode())
    width, height = int(found["width"]), int(found["height"])
    places = base64.b64decode(found["places"])
    # Without a filter a line begins with a zero.
    lines = b"".join(b"\0" + places[line * width : (line + 1) * width] for line in range(height))
    head = struct.pack(">2I5B", width, height, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", head), (b"PLTE", bytes(found["palette"])), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
