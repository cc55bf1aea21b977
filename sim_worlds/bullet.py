"""Rigid bodies, contacts, rays and pictures from PyBullet: the only file that imports it.

Several worlds may exist at once, each a client of its own without a window. Nothing that flies on a robot needs them.
"""

import os
import struct
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import ConfigError, DataError, SnnError

Array = NDArray[np.float64]
Colour = tuple[float, float, float]
GREY: Colour = (0.7, 0.7, 0.7)
UPRIGHT = (0.0, 0.0, 0.0, 1.0)
STEP_S = 1.0 / 240.0


@contextmanager
def _quiet() -> Iterator[None]:
    """PyBullet greets on standard error, where errors are expected: keep the greeting off it."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


try:
    with _quiet():
        import pybullet
except ImportError:
    pybullet = None


class BodyState(NamedTuple):
    """Where a body is and how it moves, in the frame of the world."""

    position_m: Array  # (3,) of its centre of mass
    orientation: Array  # (4,) quaternion x, y, z, w
    velocity_mps: Array  # (3,)
    turn_rate_radps: Array  # (3,)


class Contact(NamedTuple):
    """Two bodies that touch, or nearly do."""

    other: int
    position_m: Array  # (3,) on the other body
    normal: Array  # (3,) from the other body to ours
    distance_m: float  # negative where they overlap
    force_n: float


class View(NamedTuple):
    """A pinhole camera: where it is, where it looks, how wide."""

    position_m: Sequence[float]
    forward: Sequence[float]
    up: Sequence[float] = (0.0, 0.0, 1.0)
    width: int = 160
    height: int = 120
    horizontal_fov_rad: float = 1.2
    near_m: float = 0.05
    far_m: float = 200.0


class BulletWorld:
    """Shapes, bodies and a camera in one PyBullet client; a context manager.

    Raises:
        SnnError: PyBullet is not installed.
    """

    def __init__(self, gravity_mps2: float = 9.81, step_s: float = STEP_S) -> None:
        if pybullet is None:
            raise SnnError("expected PyBullet, found none; install requirements/sim.txt (Python 3.10 or 3.11)")
        self.client: int = pybullet.connect(pybullet.DIRECT)
        if self.client < 0:
            raise SnnError("PyBullet gives no further client; close other worlds first")
        self.step_s = step_s
        self._textures: dict[bytes, int] = {}
        self._call("setGravity", 0.0, 0.0, -gravity_mps2)
        self._call("setTimeStep", step_s)
        self._call("setPhysicsEngineParameter", deterministicOverlappingPairs=1)

    def __enter__(self) -> "BulletWorld":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the client; calling it twice is fine."""
        if self.client >= 0:
            self._call("disconnect")
            self.client = -1

    def _call(self, name: str, *values: Any, **named: Any) -> Any:
        if self.client < 0:
            raise SnnError(f"{name}: this world is closed")
        try:
            return getattr(pybullet, name)(*values, **named, physicsClientId=self.client)
        except pybullet.error as error:
            raise SnnError(f"PyBullet, {name}: {error}") from None

    def add_box(
        self, size_m: Sequence[float], position_m: Sequence[float] = (0.0, 0.0, 0.0),
        orientation: Sequence[float] = UPRIGHT, mass_kg: float = 0.0, colour: Colour = GREY,
        texture: NDArray[np.uint8] | None = None,
    ) -> int:  # fmt: skip
        """A box of full lengths (x, y, z), its texture whole on every face; mass 0 stands still. Returns its number."""
        half = [0.5 * side for side in size_m]
        shape = self._call("createCollisionShape", pybullet.GEOM_BOX, halfExtents=half)
        look = self._call("createVisualShape", pybullet.GEOM_MESH, **_box_faces(half), rgbaColor=[*colour, 1])
        return self._paint(self._make(shape, look, position_m, orientation, mass_kg), texture)

    def add_sphere(
        self, radius_m: float, position_m: Sequence[float] = (0.0, 0.0, 0.0), mass_kg: float = 0.0,
        colour: Colour = GREY,
    ) -> int:  # fmt: skip
        """A ball. Returns the body's number."""
        shape = self._call("createCollisionShape", pybullet.GEOM_SPHERE, radius=radius_m)
        look = self._call("createVisualShape", pybullet.GEOM_SPHERE, radius=radius_m, rgbaColor=[*colour, 1])
        return self._make(shape, look, position_m, UPRIGHT, mass_kg)

    def add_plane(self, height_m: float = 0.0, colour: Colour = GREY, texture: NDArray[np.uint8] | None = None) -> int:
        """An endless floor facing up, drawn as far as 500 m. Returns the body's number."""
        shape = self._call("createCollisionShape", pybullet.GEOM_PLANE, planeNormal=[0, 0, 1])
        faces = _box_faces([250.0, 250.0, 0.01])
        look = self._call("createVisualShape", pybullet.GEOM_MESH, **faces, rgbaColor=[*colour, 1])
        body = self._make(shape, look, (0.0, 0.0, height_m), UPRIGHT, 0.0)
        return self._paint(body, texture)

    def add_mesh(
        self, vertices_m: Array, triangles: NDArray[np.int64], position_m: Sequence[float] = (0.0, 0.0, 0.0),
        orientation: Sequence[float] = UPRIGHT, mass_kg: float = 0.0, colour: Colour = GREY,
        texture: NDArray[np.uint8] | None = None,
    ) -> int:  # fmt: skip
        """Triangles (triangle, 3) of vertices (vertex, 3). A mesh that moves collides as its convex hull."""
        flat = {"vertices": np.asarray(vertices_m, float).tolist(), "indices": np.asarray(triangles).ravel().tolist()}
        solid = {"vertices": flat["vertices"]} if mass_kg > 0.0 else flat
        shape = self._call("createCollisionShape", pybullet.GEOM_MESH, **solid)
        look = self._call("createVisualShape", pybullet.GEOM_MESH, **flat, rgbaColor=[*colour, 1])
        return self._paint(self._make(shape, look, position_m, orientation, mass_kg), texture)

    def _make(self, shape: int, look: int, position: Sequence[float], orientation: Sequence[float], mass: float) -> int:
        if not mass >= 0.0:
            raise ConfigError(f"mass_kg: expected 0 (stands still) or more, got {mass}")
        return int(self._call("createMultiBody", mass, shape, look, list(position), list(orientation)))

    def _paint(self, body: int, texture: NDArray[np.uint8] | None) -> int:
        if texture is not None:
            self._call("changeVisualShape", body, -1, textureUniqueId=self._texture(texture), rgbaColor=[1, 1, 1, 1])
        return body

    def _texture(self, pixels: NDArray[np.uint8]) -> int:
        """The number of an image (row, column, 3); the same image is loaded once."""
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise DataError(f"texture: expected (row, column, 3) uint8, got {pixels.shape} {pixels.dtype}")
        payload = _targa(pixels)
        if payload not in self._textures:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "texture.tga")
                path.write_bytes(payload)
                self._textures[payload] = int(self._call("loadTexture", str(path)))
        return self._textures[payload]

    def set_inertia(self, body: int, mass_kg: float, inertia_kgm2: Sequence[float]) -> None:
        """Mass and principal moments of inertia (3,); PyBullet's own damping is taken out."""
        if not mass_kg > 0.0 or not min(inertia_kgm2) > 0.0:
            raise ConfigError(f"expected mass and inertia above 0, got {mass_kg} kg, {list(inertia_kgm2)} kg m^2")
        self._call(
            "changeDynamics", body, -1, mass=mass_kg, localInertiaDiagonal=list(inertia_kgm2),
            linearDamping=0.0, angularDamping=0.0,
        )  # fmt: skip

    def set_surface(self, body: int, friction: float, restitution: float) -> None:
        """How a body slides and bounces; both from 0."""
        self._call("changeDynamics", body, -1, lateralFriction=friction, restitution=restitution)

    def place(self, body: int, position_m: Sequence[float], orientation: Sequence[float] = UPRIGHT) -> None:
        """Put a body somewhere; it is at rest there."""
        self._call("resetBasePositionAndOrientation", body, list(position_m), list(orientation))

    def set_velocity(self, body: int, velocity_mps: Sequence[float], turn_rate_radps: Sequence[float]) -> None:
        """How a body moves and turns, in the frame of the world."""
        self._call("resetBaseVelocity", body, list(velocity_mps), list(turn_rate_radps))

    def push(self, body: int, force_n: Sequence[float], torque_nm: Sequence[float], body_frame: bool = True) -> None:
        """A force at the centre of mass and a torque, during the next step only."""
        state = self.state(body)
        if body_frame:
            rotation = np.array(pybullet.getMatrixFromQuaternion(state.orientation.tolist())).reshape(3, 3)
            force_n, torque_nm = (rotation @ force_n).tolist(), (rotation @ torque_nm).tolist()
        frame = pybullet.WORLD_FRAME
        self._call("applyExternalForce", body, -1, list(force_n), state.position_m.tolist(), frame)
        self._call("applyExternalTorque", body, -1, list(torque_nm), frame)

    def step(self) -> None:
        """Advance by `step_s`."""
        self._call("stepSimulation")

    def state(self, body: int) -> BodyState:
        """Pose and velocity of a body."""
        position, orientation = self._call("getBasePositionAndOrientation", body)
        velocity, turn_rate = self._call("getBaseVelocity", body)
        return BodyState(*(np.array(value) for value in (position, orientation, velocity, turn_rate)))

    def remove(self, body: int) -> None:
        """Take a body out of the world."""
        self._call("removeBody", body)

    def contacts(self, body: int, within_m: float = 0.0) -> list[Contact]:
        """What touches a body in the newest step; with `within_m` also what is that near, wherever it was put."""
        if within_m <= 0.0:
            return [_contact(point) for point in self._call("getContactPoints", bodyA=body)]
        others = [self._call("getBodyUniqueId", i) for i in range(self._call("getNumBodies"))]
        near = [self._call("getClosestPoints", body, other, within_m) for other in others if other != body]
        return [_contact(point) for points in near for point in points]

    def ranges(self, from_m: Array, to_m: Array) -> Array:
        """Distance to the first hit along each ray (ray, 3) to (ray, 3), metres (ray,); inf where nothing is hit."""
        start, end = np.atleast_2d(np.asarray(from_m, float)), np.atleast_2d(np.asarray(to_m, float))
        hits = self._call("rayTestBatch", start.tolist(), end.tolist())
        share = np.array([hit[2] if hit[0] >= 0 else np.inf for hit in hits])
        return np.asarray(share * np.linalg.norm(end - start, axis=1))

    def picture(self, view: View) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """What a camera sees, by TinyRenderer: colours (row, column, 3) and depth along its axis (row, column), m."""
        eye, aspect = np.asarray(view.position_m, float), view.width / view.height
        target = (eye + np.asarray(view.forward, float)).tolist()
        looking = pybullet.computeViewMatrix(eye.tolist(), target, list(view.up))
        vertical = 2.0 * np.degrees(np.arctan(np.tan(0.5 * view.horizontal_fov_rad) / aspect))
        lens = pybullet.computeProjectionMatrixFOV(float(vertical), aspect, view.near_m, view.far_m)
        _, _, colours, depths, _ = self._call(
            "getCameraImage", view.width, view.height, looking, lens, shadow=0, renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK, lightDirection=[0.3, 0.5, 1.0], lightAmbientCoeff=0.6,
            lightDiffuseCoeff=0.5, lightSpecularCoeff=0.0,
        )  # fmt: skip
        pixels = np.ascontiguousarray(np.reshape(colours, (view.height, view.width, 4))[:, :, :3], np.uint8)
        buffer = np.reshape(np.asarray(depths, np.float32), (view.height, view.width))
        depth = view.far_m * view.near_m / (view.far_m - (view.far_m - view.near_m) * buffer)
        return pixels, depth.astype(np.float32)


def _contact(point: Sequence[Any]) -> Contact:
    return Contact(int(point[2]), np.array(point[6]), np.array(point[7]), float(point[8]), float(point[9]))


_SIDES = ((0, 1, 2, 1), (1, 0, 2, -1), (2, 0, 1, 1))  # normal, across, along; whether they are right-handed
_CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def _box_faces(half: Sequence[float]) -> dict[str, Any]:
    """A box as a mesh whose six faces show the whole of a texture; PyBullet's own box shows a quarter of it."""
    mesh: dict[str, list[Any]] = {"vertices": [], "indices": [], "uvs": [], "normals": []}
    for axis, across, along, hand in _SIDES:
        for sign in (-1, 1):
            first = len(mesh["vertices"])
            for u, v in _CORNERS:
                corner = [0.0, 0.0, 0.0]
                corner[axis], corner[across], corner[along] = sign * half[axis], u * half[across], v * half[along]
                normal = [0, 0, 0]
                normal[axis] = sign
                left_to_right = u if sign == hand else -u
                mesh["vertices"].append(corner)
                mesh["normals"].append(normal)
                mesh["uvs"].append([0.5 + 0.5 * left_to_right, 0.5 + 0.5 * v])
            order = (0, 1, 2, 0, 2, 3) if sign == hand else (0, 2, 1, 0, 3, 2)
            mesh["indices"] += [first + i for i in order]
    return mesh


def _targa(pixels: NDArray[np.uint8]) -> bytes:
    """An image file that PyBullet reads: uncompressed Targa, 24 bits, first row on top."""
    height, width = pixels.shape[:2]
    header = struct.pack("<BBB5x4HBB", 0, 0, 2, 0, 0, width, height, 24, 0x20)
    return header + np.ascontiguousarray(pixels[:, :, ::-1]).tobytes()
