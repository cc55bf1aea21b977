"""Sixteen numbers as one value in compiled kernels.

A kernel that keeps its state in such vectors keeps it in registers, which no loop over arrays does. Arithmetic is
IEEE, lane by lane and never contracted, so a vector kernel gives the bits of the scalar code that it stands for.
`select`, `clamp`, `add_where` and `subtract_where` work on single numbers as well: what is written with them once
serves one vehicle and sixteen.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_jitable, register_model

LANES = 16


class VectorType(types.Type):
    """Sixteen lanes of one machine type."""

    def __init__(self, name: str, lane: ir.Type) -> None:
        self.vector = ir.VectorType(lane, LANES)
        super().__init__(name=name)


class FloatsType(VectorType):
    """Sixteen float32."""


class DoublesType(VectorType):
    """Sixteen float64."""


class MaskType(VectorType):
    """Sixteen truth values, from a comparison."""


floats = FloatsType("floats16", ir.FloatType())
doubles = DoublesType("doubles16", ir.DoubleType())
mask = MaskType("mask16", ir.IntType(1))
_OF_SCALAR = {types.float32: floats, types.float64: doubles}
_NUMBERS = (FloatsType, DoublesType)


@register_model(FloatsType)
@register_model(DoublesType)
@register_model(MaskType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: VectorType) -> None:
        super().__init__(manager, kind, kind.vector)


def _same(builder: Any, x: Any) -> Any:
    """A vector of sixteen times x."""
    kind = ir.VectorType(x.type, LANES)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), x, ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), everywhere)


def _operator(symbol: Callable[..., Any], result: VectorType | None, kinds: tuple[type, ...], emit: Any) -> None:
    """Define an operator on two vectors of a kind, or a vector and a number."""

    @intrinsic
    def instruction(typing_context, left, right):
        kind = left if isinstance(left, VectorType) else right

        def vector(context, builder, value, given):
            if isinstance(given, VectorType):
                return value
            lane = types.float32 if isinstance(kind, FloatsType) else types.float64
            return _same(builder, context.cast(builder, value, given, lane))

        def build(context, builder, signature, arguments):
            sides = [vector(context, builder, *side) for side in zip(arguments, signature.args, strict=True)]
            return emit(builder, *sides)

        return (result or kind)(left, right), build

    @overload(symbol)
    def _(left, right):
        known = isinstance(left, kinds), isinstance(right, kinds)
        if (all(known) and left != right) or not any(known):
            return None
        if all(known) or isinstance(right if known[0] else left, (types.Float, types.Integer)):
            return lambda left, right: instruction(left, right)
        return None


for _symbol, _name in (
    (operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv"),
):  # fmt: skip
    _operator(_symbol, None, _NUMBERS, lambda builder, a, b, name=_name: getattr(builder, name)(a, b))
for _symbol, _name in (
    (operator.gt, ">"), (operator.lt, "<"), (operator.ge, ">="), (operator.le, "<="), (operator.eq, "=="),
):  # fmt: skip
    _operator(_symbol, mask, _NUMBERS, lambda builder, a, b, name=_name: builder.fcmp_ordered(name, a, b))
_operator(operator.and_, mask, (MaskType,), lambda builder, a, b: builder.and_(a, b))
_operator(operator.or_, mask, (MaskType,), lambda builder, a, b: builder.or_(a, b))


def _place(context: Any, builder: Any, array_type: Any, array: Any, index: Any, kind: VectorType) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), kind.vector.as_pointer())


@intrinsic
def load(typing_context: Any, array: Any, index: Any) -> Any:
    """Sixteen numbers of a flat contiguous array, from `index` on."""
    kind = _OF_SCALAR[array.dtype]

    def build(context, builder, signature, arguments):
        place = _place(context, builder, array, arguments[0], arguments[1], kind)
        return builder.load(place, align=array.dtype.bitwidth // 8)

    return kind(array, types.intp), build


@intrinsic
def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Write sixteen numbers to a flat contiguous array, from `index` on."""

    def build(context, builder, signature, arguments):
        place = _place(context, builder, array, arguments[0], arguments[1], value)
        builder.store(arguments[2], place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), build


@intrinsic
def splat(typing_context: Any, x: Any) -> Any:
    """Sixteen times the same float32 or float64."""

    def build(context, builder, signature, arguments):
        return _same(builder, arguments[0])

    return _OF_SCALAR[x](x), build


@intrinsic
def doubled(typing_context: Any, x: Any) -> Any:
    """float32 lanes as float64."""

    def build(context, builder, signature, arguments):
        return builder.fpext(arguments[0], doubles.vector)

    return doubles(floats), build


@intrinsic
def singled(typing_context: Any, x: Any) -> Any:
    """float64 lanes rounded to float32."""

    def build(context, builder, signature, arguments):
        return builder.fptrunc(arguments[0], floats.vector)

    return floats(doubles), build


@intrinsic
def _chosen(typing_context, where, yes, no):
    def build(context, builder, signature, arguments):
        return builder.select(*arguments)

    return yes(where, yes, no), build


@intrinsic
def anywhere(typing_context: Any, where: Any) -> Any:
    """Whether a mask holds in any lane."""

    def build(context, builder, signature, arguments):
        lanes = ir.IntType(LANES)
        return builder.icmp_unsigned("!=", builder.bitcast(arguments[0], lanes), lanes(0))

    return types.boolean(mask), build


def select(where: Any, yes: Any, no: Any) -> Any:
    """`yes` where `where` holds, else `no`."""
    return yes if where else no


@overload(select)
def _select(where, yes, no):
    if isinstance(where, MaskType):
        return lambda where, yes, no: _chosen(where, yes, no)
    return lambda where, yes, no: yes if where else no


@intrinsic
def _nearest(typing_context, x):
    def build(context, builder, signature, arguments):
        rounding = ir.FunctionType(doubles.vector, [doubles.vector])
        function = cgutils.get_or_insert_function(builder.module, rounding, f"llvm.rint.v{LANES}f64")
        return builder.call(function, arguments)

    return doubles(doubles), build


def nearest(x: Any) -> Any:
    """The nearest whole number, of two as near the even one."""
    return np.rint(x)


@overload(nearest)
def _nearest_of(x):
    return (lambda x: _nearest(x)) if isinstance(x, DoublesType) else (lambda x: np.rint(x))


@intrinsic
def _root(typing_context, x):
    def build(context, builder, signature, arguments):
        rooting = ir.FunctionType(doubles.vector, [doubles.vector])
        function = cgutils.get_or_insert_function(builder.module, rooting, f"llvm.sqrt.v{LANES}f64")
        return builder.call(function, arguments)

    return doubles(doubles), build


def root(x: Any) -> Any:
    """The square root."""
    return np.sqrt(x)


@overload(root)
def _root_of(x):
    return (lambda x: _root(x)) if isinstance(x, DoublesType) else (lambda x: np.sqrt(x))


@register_jitable
def add_where(where: Any, x: Any, y: Any) -> Any:
    """x + y where `where` holds, else x."""
    return select(where, x + y, x)


@register_jitable
def subtract_where(where: Any, x: Any, y: Any) -> Any:
    """x - y where `where` holds, else x."""
    return select(where, x - y, x)


@register_jitable
def clamp(x: Any, low: Any, high: Any) -> Any:
    """x moved into [low, high]."""
    x = select(x < low, low, x)
    return select(x > high, high, x)


@register_jitable
def magnitude(x: Any) -> Any:
    """|x|."""
    return select(x < 0.0, -1.0 * x, x)


@njit(forceinline=True)
def zeros(array: Any) -> Any:
    """Sixteen zeros of the type of an array's elements."""
    return splat(array.dtype.type(0.0))
