"""Images become rows of vectors: cut into tiles, encoded, laid out. On a GPU the next requests' images are seen to ahead.

Threads cut what comes next while the GPU works, and the tiles of several requests go through the tower together: it likes some
thirty at a time. No more is held ahead than one such batch of vectors and the cut tiles of the requests that were added.
Letters: N tiles, S tile size, E language width, n image tokens.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock

import torch
from PIL import Image
from torch import Tensor

from dsvl2.model import execution
from dsvl2.model.config import ProcessorConfig
from dsvl2.model.graphs import TileGraphs
from dsvl2.model.pixels import cut
from dsvl2.model.tiling import TileGrid
from dsvl2.model.vl2 import DeepseekVL2

WORKERS = 4  # a page takes one 12 to 40 ms, a GPU reads up to 70 pages a second; more of them hold up the launches


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """uint8 tiles [N, S, S, 3] of one image, and how they lie."""

    tiles: Tensor
    grid: TileGrid


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """The images of one request, the canvases they may use, and how many tiles that makes."""

    images: Sequence[Image.Image]
    canvases: Sequence[tuple[int, int]]
    tiles: int


class Pictures:
    """Cuts and encodes; `fixed` sends tiles through the tower in batches of one size, whatever came together.

    Tiles of a small model on a CPU are divided among the cores, one thread for each: the same numbers, sooner.
    """

    def __init__(self, network: DeepseekVL2, processor: ProcessorConfig, *, fixed: bool = False) -> None:
        self.network, self.processor, self.fixed = network, processor, fixed
        self.device = network.image_newline.device
        self.at_once = execution.tiles_at_once(self.device)
        alone = self.device.type == "cpu" and execution.lane_threads(network) == 1
        self.hands = torch.get_num_threads() if alone else 1
        plain = fixed or self.device.type == "cpu"
        self._graphs = None if plain else TileGraphs(self._seen)
        self._mean, self._std = (
            torch.tensor(values, device=self.device)[:, None, None]
            for values in (processor.image_mean, processor.image_std)
        )

    def cut(self, image: Image.Image, canvases: Sequence[tuple[int, int]]) -> Cut:
        """Scale an image onto its canvas and cut it; raises ImageError."""
        inputs = cut(image, canvases, self.processor.pad_color)
        tiles = torch.from_numpy(inputs.tiles)
        return Cut(tiles.pin_memory() if self.device.type == "cuda" else tiles, inputs.grid)

    @torch.inference_mode()
    def encode(self, cuts: Sequence[Cut]) -> list[Tensor]:
        """The rows [n, E] of every image."""
        tiles = torch.cat([one.tiles.to(self.device, non_blocking=True) for one in cuts])
        vectors = torch.cat(self._divided(tiles.split(self.at_once)))
        each = vectors.split([len(one.tiles) for one in cuts])
        return [
            self.network.image_rows(rows, (one.grid.width, one.grid.height))
            for rows, one in zip(each, cuts, strict=True)
        ]

    def _divided(self, parts: Sequence[Tensor]) -> list[Tensor]:
        hands = min(self.hands, len(parts))
        if hands == 1:
            return [self._vectors(part) for part in parts]
        with ThreadPoolExecutor(hands, "dsvl2-tiles", torch.set_num_threads, (1,)) as pool:
            return list(pool.map(torch.inference_mode()(self._vectors), parts))

    def _vectors(self, tiles: Tensor) -> Tensor:
        if not self.fixed or len(tiles) == self.at_once:
            return self._seen(tiles) if self._graphs is None else self._graphs.run(tiles)
        padding = tiles.new_zeros(self.at_once - len(tiles), *tiles.shape[1:])
        return self._seen(torch.cat((tiles, padding)))[: len(tiles)]

    def _seen(self, tiles: Tensor) -> Tensor:
        """Tiles in bytes [N, S, S, 3], normalised and through the tower."""
        pixels = tiles.permute(0, 3, 1, 2).float() / 255
        if self.processor.normalize:
            pixels = (pixels - self._mean) / self._std
        return self.network.tiles(pixels.to(self.network.image_newline.dtype).contiguous())


class Ahead:
    """The images of requests that take their turn one after the other, by number; those that were added are cut ahead."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._pool = ThreadPoolExecutor(WORKERS, "dsvl2-cut")
        self._cutting: dict[int, tuple[int, list[Future[Cut]]]] = {}  # number -> tiles, their images
        self._ready: dict[int, list[Tensor]] = {}
        self._lock = Lock()

    def add(self, number: int, wanted: Wanted) -> None:
        """Begin to cut the images of a request that comes after all earlier ones."""
        cutting = [self._pool.submit(self._pictures.cut, image, wanted.canvases) for image in wanted.images]
        with self._lock:
            self._cutting[number] = wanted.tiles, cutting

    def rows(self, number: int) -> list[Tensor]:
        """The rows of all images of a request; those of earlier ones are let go."""
        with self._lock:
            for store in (self._cutting, self._ready):
                for earlier in [key for key in store if key < number]:
                    del store[earlier]
        if number not in self._ready:
            self._encode(number)
        return self._ready.pop(number)

    def close(self) -> None:
        """Let go of the threads, when what they are at is done."""
        self._pool.shutdown(cancel_futures=True)

    def _encode(self, number: int) -> None:
        """Encode the images of a request, and of those behind it as far as they are cut and fit into one batch.

        A GPU that has nothing else to do begins with the first page while the next ones are cut.
        """
        wait(self._cutting[number][1])
        with self._lock:
            together, tiles = [number], self._cutting[number][0]
            for later in sorted(key for key in self._cutting if key > number):
                tiles += self._cutting[later][0]
                if tiles > self._pictures.at_once or not all(one.done() for one in self._cutting[later][1]):
                    break
                together.append(later)
            groups = [self._cutting.pop(later)[1] for later in together]
        cuts = [[one.result() for one in group] for group in groups]
        rows = iter(self._pictures.encode([one for group in cuts for one in group]))
        for later, group in zip(together, cuts, strict=True):
            self._ready[later] = [next(rows) for _ in group]
