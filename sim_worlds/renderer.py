"""A camera in a world of textured quads: a rasteriser with a depth buffer, mip maps, light and fog, compiled.

Beside TinyRenderer because it filters its textures (an event camera sees every texel that flickers), has holes, fog and
a sky, draws only what is near, and needs no library: the same picture from the same scene on every machine.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
NEAR_M = 0.05
LUMA = np.array([0.299, 0.587, 0.114])  # Rec. 601
OPAQUE = 128  # texels with less alpha are holes


class TextureAtlas(NamedTuple):
    """Textures with all their halvings in one row of texels."""

    texels: NDArray[np.uint8]  # (texel, 4)
    lumas: NDArray[np.float32]  # (texel,)
    table: NDArray[np.int64]  # (texture, level, 3): first texel, width, height
    levels: NDArray[np.int64]  # (texture,)


class Quads(NamedTuple):
    """Parallelograms, (quad, ...): corner + s u + r v, s and r from 0 to 1."""

    corner_m: Array  # (quad, 3) upper left as seen from the front
    across_m: Array  # (quad, 3) to the right
    down_m: Array  # (quad, 3)
    texture: NDArray[np.int64]  # (quad,)
    repeats: Array  # (quad, 2) of the texture across and down
    tint: Array  # (quad, 3) factor of the colours
    kind: NDArray[np.int64]  # (quad,) 0 = seen from the front only, 1 = from both sides, with holes


class Atmosphere(NamedTuple):
    """Light and air."""

    sun: Array  # (3,) unit vector to the sun
    ambient: Array  # (3,)
    diffuse: Array  # (3,)
    visibility_m: float  # distance at which 1/e of a contrast is left
    horizon: Array  # (3,) colour of sky and fog at the horizon, 0 to 255
    zenith: Array  # (3,)


class Lens(NamedTuple):
    """A pinhole camera."""

    width: int
    height: int
    focal_px: float


def lens(width: int, height: int, horizontal_fov_rad: float) -> Lens:
    """A lens of that field of view."""
    return Lens(width, height, 0.5 * width / math.tan(0.5 * horizontal_fov_rad))


def camera_axes(yaw_rad: float, pitch_rad: float = 0.0, roll_rad: float = 0.0) -> Array:
    """Rows right, down, forward of a camera, (3, 3); pitch > 0 looks down, roll > 0 leans to the right."""
    cy, sy, cp, sp = math.cos(yaw_rad), math.sin(yaw_rad), math.cos(pitch_rad), math.sin(pitch_rad)
    forward = np.array([cy * cp, sy * cp, -sp])
    right = np.array([sy, -cy, 0.0])
    down = np.cross(forward, right)
    c, s = math.cos(roll_rad), math.sin(roll_rad)
    return np.array([c * right + s * down, c * down - s * right, forward])


def make_atlas(textures: list[NDArray[np.uint8]]) -> TextureAtlas:
    """Textures (row, column, 4) with sides that are powers of two."""
    depth = max(int(math.log2(max(texture.shape[:2]))) + 1 for texture in textures)
    table = np.zeros((len(textures), depth, 3), np.int64)
    levels, rows, first = np.zeros(len(textures), np.int64), [], 0
    for k, texture in enumerate(textures):
        level = texture.astype(np.float64)
        while True:
            height, width = level.shape[:2]
            table[k, levels[k]] = first, width, height
            rows.append(np.rint(level).astype(np.uint8).reshape(-1, 4))
            first, levels[k] = first + width * height, levels[k] + 1
            if height == 1 or width == 1:
                break
            level = level.reshape(height // 2, 2, width // 2, 2, 4).mean(axis=(1, 3))
    texels = np.concatenate(rows)
    return TextureAtlas(texels, (texels[:, :3] @ LUMA).astype(np.float32), table, levels)


@njit(cache=True)
def _bounds(corner, across, down, lens, box):
    """Pixels that a quad in camera coordinates may cover: box = left, top, right, bottom; False where none."""
    width, height, focal = lens
    points = np.empty((4, 3))
    for a in range(3):
        points[0, a] = corner[a]
        points[1, a] = corner[a] + across[a]
        points[2, a] = corner[a] + across[a] + down[a]
        points[3, a] = corner[a] + down[a]
    left, top, right, bottom, seen = 1e9, 1e9, -1e9, -1e9, False
    for k in range(4):
        p, q = points[k], points[(k + 1) % 4]
        for end in range(2):
            if end == 0:
                if p[2] < NEAR_M:
                    continue
                x, y, z = p[0], p[1], p[2]
            else:
                if (p[2] < NEAR_M) == (q[2] < NEAR_M):
                    continue
                t = (NEAR_M - p[2]) / (q[2] - p[2])
                x, y, z = p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1]), NEAR_M
            seen = True
            column, row = 0.5 * width + focal * x / z, 0.5 * height + focal * y / z
            left, right, top, bottom = min(left, column), max(right, column), min(top, row), max(bottom, row)
    if not seen or right < 0 or bottom < 0 or left > width or top > height:
        return False
    box[0], box[1] = max(0, int(left)), max(0, int(top))
    box[2], box[3] = min(width, int(right) + 1), min(height, int(bottom) + 1)
    return True


@njit(cache=True)
def _hole(atlas, texture, u, v):
    """Whether the texel at u, v (0 to 1, wrapping) of the second finest level is a hole."""
    level = min(1, atlas.levels[texture] - 1)
    first, width, height = atlas.table[texture, level]
    column, row = int(u * width) % width, int(v * height) % height
    return atlas.texels[first + row * width + column, 3] < OPAQUE


@njit(cache=True)
def _order(quads, eye, axes, farthest_m):
    """Quads that may be seen, the nearest first."""
    count = 0
    chosen, distance = np.empty(len(quads.texture), np.int64), np.empty(len(quads.texture))
    for k in range(len(quads.texture)):
        reach2, ahead, near2 = 0.0, 0.0, 0.0
        for a in range(3):
            half = 0.5 * (quads.across_m[k, a] + quads.down_m[k, a])
            other = 0.5 * (quads.across_m[k, a] - quads.down_m[k, a])
            reach2 += max(half * half, other * other)
            offset = quads.corner_m[k, a] + half - eye[a]
            ahead += axes[2, a] * offset
            near2 += offset * offset
        reach = math.sqrt(reach2)
        if ahead + reach > NEAR_M and math.sqrt(near2) - reach < farthest_m:
            chosen[count], distance[count] = k, math.sqrt(near2) - reach
            count += 1
    return chosen[:count][np.argsort(distance[:count])]


@njit(cache=True)
def _turn(axes, vector, out):
    for a in range(3):
        out[a] = axes[a, 0] * vector[0] + axes[a, 1] * vector[1] + axes[a, 2] * vector[2]


@njit(cache=True)
def _fill(quads, atlas, lens, k, plane, box, depth, owner, place):
    """The pixels that quad k, a plane in camera coordinates, wins."""
    width, height, focal = lens
    corner, across, down = plane
    n0 = down[1] * across[2] - down[2] * across[1]
    n1 = down[2] * across[0] - down[0] * across[2]
    n2 = down[0] * across[1] - down[1] * across[0]
    towards = n0 * corner[0] + n1 * corner[1] + n2 * corner[2]
    size2 = n0 * n0 + n1 * n1 + n2 * n2
    s0, s1, s2 = down[1] * n2 - down[2] * n1, down[2] * n0 - down[0] * n2, down[0] * n1 - down[1] * n0
    r0, r1, r2 = n1 * across[2] - n2 * across[1], n2 * across[0] - n0 * across[2], n0 * across[1] - n1 * across[0]
    s0, s1, s2 = -s0 / size2, -s1 / size2, -s2 / size2
    r0, r1, r2 = -r0 / size2, -r1 / size2, -r2 / size2
    s_at, r_at = s0 * corner[0] + s1 * corner[1] + s2 * corner[2], r0 * corner[0] + r1 * corner[1] + r2 * corner[2]
    texture, cut = quads.texture[k], quads.kind[k] == 1
    for row in range(box[1], box[3]):
        b = (row + 0.5 - 0.5 * height) / focal
        for column in range(box[0], box[2]):
            a = (column + 0.5 - 0.5 * width) / focal
            slope = n0 * a + n1 * b + n2
            if slope * towards <= 0.0:
                continue
            z = towards / slope
            if z >= depth[row, column] or z < NEAR_M:
                continue
            s = z * (s0 * a + s1 * b + s2) - s_at
            r = z * (r0 * a + r1 * b + r2) - r_at
            if s < 0.0 or s >= 1.0 or r < 0.0 or r >= 1.0:
                continue
            if cut and _hole(atlas, texture, s * quads.repeats[k, 0], r * quads.repeats[k, 1]):
                continue
            depth[row, column], owner[row, column] = z, k
            place[row, column, 0], place[row, column, 1] = s, r


@njit(cache=True)
def rasterise(
    quads: Quads, atlas: TextureAtlas, lens: Lens, eye: Array, axes: Array, farthest_m: float, depth: Array,
    owner: NDArray[np.int64], place: Array,
) -> None:  # fmt: skip
    """Nearest quad of every pixel: depth (row, column) along the axis, owner (-1 = sky), place (row, column, 2)."""
    depth[:], owner[:] = math.inf, -1
    corner, across, down, offset = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    box = np.empty(4, np.int64)
    for k in _order(quads, eye, axes, farthest_m):
        for a in range(3):
            offset[a] = quads.corner_m[k, a] - eye[a]
        _turn(axes, offset, corner)
        _turn(axes, quads.across_m[k], across)
        _turn(axes, quads.down_m[k], down)
        n0 = down[1] * across[2] - down[2] * across[1]
        n1 = down[2] * across[0] - down[0] * across[2]
        n2 = down[0] * across[1] - down[1] * across[0]
        towards = n0 * corner[0] + n1 * corner[1] + n2 * corner[2]  # negative: we see its front
        if (towards >= 0.0 and quads.kind[k] == 0) or abs(towards) < 1e-12:
            continue
        if not _bounds(corner, across, down, lens, box):
            continue
        _fill(quads, atlas, lens, k, (corner, across, down), box, depth, owner, place)


@njit(cache=True)
def _texel(atlas, texture, level, u, v, out):
    """Bilinear colour of a level, added up in out (3,)."""
    first, width, height = atlas.table[texture, level]
    x, y = u * width - 0.5, v * height - 0.5
    x0, y0 = math.floor(x), math.floor(y)
    fx, fy = x - x0, y - y0
    c0, c1 = int(x0) % width, int(x0 + 1) % width
    q0, q1 = first + (int(y0) % height) * width, first + (int(y0 + 1) % height) * width
    for a in range(3):
        above = (1.0 - fx) * atlas.texels[q0 + c0, a] + fx * atlas.texels[q0 + c1, a]
        below = (1.0 - fx) * atlas.texels[q1 + c0, a] + fx * atlas.texels[q1 + c1, a]
        out[a] = (1.0 - fy) * above + fy * below


@njit(cache=True)
def shade(
    quads: Quads, atlas: TextureAtlas, atmosphere: Atmosphere, lens: Lens, axes: Array, depth: Array,
    owner: NDArray[np.int64], place: Array, picture: Array, blur_px: float,
) -> None:  # fmt: skip
    """Colours (row, column, 3), 0 to 255, of what `rasterise` found."""
    width, height, focal = lens
    fine, coarse, lit = np.empty(3), np.empty(3), np.empty((len(quads.texture), 3))
    scale, slant = np.empty(len(quads.texture)), np.empty((len(quads.texture), 3))
    ready = np.zeros(len(quads.texture), np.bool_)
    for row in range(height):
        b = (row + 0.5 - 0.5 * height) / focal
        for column in range(width):
            a = (column + 0.5 - 0.5 * width) / focal
            ray = math.sqrt(a * a + b * b + 1.0)
            k = owner[row, column]
            up = (axes[0, 2] * a + axes[1, 2] * b + axes[2, 2]) / ray
            if k < 0:
                share = min(max(up, 0.0) * 1.6, 1.0)
                for c in range(3):
                    picture[row, column, c] = atmosphere.horizon[c] + share * (
                        atmosphere.zenith[c] - atmosphere.horizon[c]
                    )
                continue
            if not ready[k]:
                _prepare(quads, atlas, atmosphere, k, lit, scale, slant)
                ready[k] = True
            z = depth[row, column]
            texture = quads.texture[k]
            u, v = place[row, column, 0] * quads.repeats[k, 0], place[row, column, 1] * quads.repeats[k, 1]
            facing = 0.0
            for c in range(3):
                facing += slant[k, c] * (axes[0, c] * a + axes[1, c] * b + axes[2, c])
            facing = max(abs(facing) / ray, 0.05)
            level = math.log2(max(blur_px * scale[k] * z / (focal * math.sqrt(facing)), 1.0))
            top = atlas.levels[texture] - 1
            level = min(level, float(top))
            low = int(level)
            mix = level - low
            _texel(atlas, texture, low, u, v, fine)
            if mix > 0.0:
                _texel(atlas, texture, min(low + 1, top), u, v, coarse)
            clear = math.exp(-z * ray / atmosphere.visibility_m)
            for c in range(3):
                colour = fine[c] if mix == 0.0 else (1.0 - mix) * fine[c] + mix * coarse[c]
                picture[row, column, c] = clear * colour * lit[k, c] + (1.0 - clear) * atmosphere.horizon[c]


@njit(cache=True)
def _luma(atlas, texture, level, u, v):
    """Bilinear luma of a level."""
    first, width, height = atlas.table[texture, level]
    x, y = u * width - 0.5, v * height - 0.5
    x0, y0 = math.floor(x), math.floor(y)
    fx, fy = x - x0, y - y0
    c0, c1 = int(x0) & (width - 1), int(x0 + 1) & (width - 1)
    q0, q1 = first + (int(y0) & (height - 1)) * width, first + (int(y0 + 1) & (height - 1)) * width
    above = (1.0 - fx) * atlas.lumas[q0 + c0] + fx * atlas.lumas[q0 + c1]
    below = (1.0 - fx) * atlas.lumas[q1 + c0] + fx * atlas.lumas[q1 + c1]
    return (1.0 - fy) * above + fy * below


@njit(cache=True)
def shade_grey(
    quads: Quads, atlas: TextureAtlas, atmosphere: Atmosphere, lens: Lens, axes: Array, depth: Array,
    owner: NDArray[np.int64], place: Array, picture: Array, blur_px: float,
) -> None:  # fmt: skip
    """Brightness (row, column), as `shade` and luma, but that light has no colour of its own."""
    width, height, focal = lens
    lit, scale = np.empty((len(quads.texture), 3)), np.empty(len(quads.texture))
    slant, ready = np.empty((len(quads.texture), 3)), np.zeros(len(quads.texture), np.bool_)
    light = np.empty(len(quads.texture))
    fog = 0.299 * atmosphere.horizon[0] + 0.587 * atmosphere.horizon[1] + 0.114 * atmosphere.horizon[2]
    sky = 0.299 * atmosphere.zenith[0] + 0.587 * atmosphere.zenith[1] + 0.114 * atmosphere.zenith[2]
    for row in range(height):
        b = (row + 0.5 - 0.5 * height) / focal
        for column in range(width):
            a = (column + 0.5 - 0.5 * width) / focal
            ray = math.sqrt(a * a + b * b + 1.0)
            k = owner[row, column]
            if k < 0:
                up = (axes[0, 2] * a + axes[1, 2] * b + axes[2, 2]) / ray
                picture[row, column] = fog + min(max(up, 0.0) * 1.6, 1.0) * (sky - fog)
                continue
            if not ready[k]:
                _prepare(quads, atlas, atmosphere, k, lit, scale, slant)
                light[k] = 0.299 * lit[k, 0] + 0.587 * lit[k, 1] + 0.114 * lit[k, 2]
                ready[k] = True
            z, texture = depth[row, column], quads.texture[k]
            u, v = place[row, column, 0] * quads.repeats[k, 0], place[row, column, 1] * quads.repeats[k, 1]
            facing = 0.0
            for c in range(3):
                facing += slant[k, c] * (axes[0, c] * a + axes[1, c] * b + axes[2, c])
            facing = max(abs(facing) / ray, 0.05)
            footprint = blur_px * scale[k] * z / (focal * math.sqrt(facing))
            top = atlas.levels[texture] - 1
            low, size = 0, 1.0
            while low < top and footprint >= 2.0 * size:
                low, size = low + 1, 2.0 * size
            value = _luma(atlas, texture, low, u, v)
            if footprint > size and low < top:
                mix = min(footprint / size - 1.0, 1.0)
                value = (1.0 - mix) * value + mix * _luma(atlas, texture, low + 1, u, v)
            clear = math.exp(-z * ray / atmosphere.visibility_m)
            picture[row, column] = clear * value * light[k] + (1.0 - clear) * fog


@njit(cache=True)
def _prepare(quads, atlas, atmosphere, k, lit, scale, slant):
    """Light, texels per metre and normal of a quad."""
    u, v = quads.across_m[k], quads.down_m[k]
    n0, n1, n2 = v[1] * u[2] - v[2] * u[1], v[2] * u[0] - v[0] * u[2], v[0] * u[1] - v[1] * u[0]
    size = max(math.sqrt(n0 * n0 + n1 * n1 + n2 * n2), 1e-12)
    slant[k, 0], slant[k, 1], slant[k, 2] = n0 / size, n1 / size, n2 / size
    sun = (n0 * atmosphere.sun[0] + n1 * atmosphere.sun[1] + n2 * atmosphere.sun[2]) / size
    sun = 0.5 * abs(sun) + 0.3 if quads.kind[k] == 1 else max(sun, 0.0)
    for c in range(3):
        lit[k, c] = quads.tint[k, c] * (atmosphere.ambient[c] + atmosphere.diffuse[c] * sun)
    _, width, height = atlas.table[quads.texture[k], 0]
    length_u = math.sqrt(u[0] ** 2 + u[1] ** 2 + u[2] ** 2)
    length_v = math.sqrt(v[0] ** 2 + v[1] ** 2 + v[2] ** 2)
    scale[k] = math.sqrt((quads.repeats[k, 0] * width / length_u) * (quads.repeats[k, 1] * height / length_v))


class Renderer:
    """A lens with its buffers; textures are blurred over `blur_px`."""

    def __init__(self, optics: Lens, farthest_m: float = 120.0, blur_px: float = 1.0) -> None:
        self.lens, self.farthest_m, self.blur_px = optics, farthest_m, blur_px
        shape = optics.height, optics.width
        self.depth, self.owner = np.empty(shape), np.empty(shape, np.int64)
        self.place, self.picture, self.brightness = np.empty((*shape, 2)), np.empty((*shape, 3)), np.empty(shape)

    def see(self, quads: Quads, atlas: TextureAtlas, atmosphere: Atmosphere, eye_m: Array, axes: Array) -> Array:
        """Colours (row, column, 3) from 0 to about 255; the buffer is used again by the next call."""
        self._find(quads, atlas, atmosphere, eye_m, axes)
        found = self.depth, self.owner, self.place, self.picture
        shade(quads, atlas, atmosphere, self.lens, axes, *found, self.blur_px)
        return self.picture

    def see_grey(self, quads: Quads, atlas: TextureAtlas, atmosphere: Atmosphere, eye_m: Array, axes: Array) -> Array:
        """Brightness (row, column) from 0 to about 255; the buffer is used again by the next call."""
        self._find(quads, atlas, atmosphere, eye_m, axes)
        found = self.depth, self.owner, self.place, self.brightness
        shade_grey(quads, atlas, atmosphere, self.lens, axes, *found, self.blur_px)
        return self.brightness

    def _find(self, quads: Quads, atlas: TextureAtlas, atmosphere: Atmosphere, eye_m: Array, axes: Array) -> None:
        farthest_m = min(self.farthest_m, 5.0 * atmosphere.visibility_m)
        rasterise(quads, atlas, self.lens, eye_m, axes, farthest_m, self.depth, self.owner, self.place)


def grey(picture: Array) -> Array:
    """Luma (row, column) of colours (row, column, 3), Rec. 601."""
    return np.asarray(picture @ LUMA)
