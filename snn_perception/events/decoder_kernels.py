"""Event encodings, word by word, compiled. Each kernel goes on where the last packet ended: its memory is an array.

EVT 2.0 and EVT 3.0 as Prophesee specify them; libcaer's and the compressed one as the ROS drivers send them.
A kernel fills x, y, t, on and returns (events written, words that make no sense).
"""

# ruff: noqa: ANN201, C901  kernels are typed by the compiler, and a decoder is one switch

import numpy as np
from numba import njit

HIGH, LOW, Y, BASE, POLARITY, TURNS, READY = range(7)  # of the memory
MEMORY = 7
MOST_PER_WORD = {"evt3": 12, "evt2": 1, "libcaer": 1, "libcaer_cmp": 8, "mono": 1}
FALLING_BACK = 10  # high words; less is jitter, more is the counter's wrap


@njit(cache=True, nogil=True)
def evt3(words, base_us, m, x, y, t, on):
    """16 bit words: row, column, vectors of columns, low and high half of the time; wraps after 2**24 us."""
    n, bad = 0, 0
    for word in words:
        code, value = word >> 12, np.int64(word & 0xFFF)
        if code == 0x0:
            m[Y] = value & 0x7FF
        elif code == 0x8:
            if m[READY] and m[HIGH] - value > FALLING_BACK:
                m[TURNS] += 1
            m[HIGH], m[LOW], m[READY] = value, 0 if value != m[HIGH] else m[LOW], 1
        elif code == 0x6:
            m[LOW] = value
        elif code == 0x3:
            m[BASE], m[POLARITY] = value & 0x7FF, value >> 11
        elif code == 0x2 or code == 0x4 or code == 0x5:
            if not m[READY]:
                bad += 1
                continue
            time = (m[TURNS] << 24) + (m[HIGH] << 12) + m[LOW]
            if code == 0x2:
                x[n], y[n], t[n], on[n] = value & 0x7FF, m[Y], time, value >> 11
                n += 1
                continue
            length = 12 if code == 0x4 else 8
            for bit in range(length):
                if value >> bit & 1:
                    x[n], y[n], t[n], on[n] = m[BASE] + bit, m[Y], time, m[POLARITY]
                    n += 1
            m[BASE] += length
        elif code != 0xA and code != 0xE and code != 0x7 and code != 0xF:
            bad += 1
    return n, bad


@njit(cache=True, nogil=True)
def evt2(words, base_us, m, x, y, t, on):
    """32 bit words: an event each, or the high part of the time; wraps after 2**34 us."""
    n, bad = 0, 0
    for word in words:
        code = word >> 28
        if code <= 1:
            if not m[READY]:
                bad += 1
                continue
            x[n], y[n], on[n] = word >> 11 & 0x7FF, word & 0x7FF, code
            t[n] = (m[TURNS] << 34) + (m[HIGH] << 6) + (word >> 22 & 0x3F)
            n += 1
        elif code == 0x8:
            high = np.int64(word & 0xFFFFFFF)
            if m[READY] and m[HIGH] - high > FALLING_BACK:
                m[TURNS] += 1
            m[HIGH], m[READY] = high, 1
        elif code != 0xA and code != 0xE and code != 0xF:
            bad += 1
    return n, bad


@njit(cache=True, nogil=True)
def libcaer(words, base_us, m, x, y, t, on):
    """Pairs of 32 bit: valid, polarity, 15 bit y, 15 bit x; then 31 bit of us, which wrap."""
    n, bad = 0, 0
    for k in range(0, len(words) - 1, 2):
        word, time = words[k], np.int64(words[k + 1] & 0x7FFFFFFF)
        if not word & 1:
            bad += 1
            continue
        if m[READY] and m[HIGH] - time > 1 << 30:
            m[TURNS] += 1
        m[HIGH], m[READY] = time, 1
        x[n], y[n], on[n] = word >> 17, word >> 2 & 0x7FFF, word >> 1 & 1
        t[n] = (m[TURNS] << 31) + time
        n += 1
    return n, bad


@njit(cache=True, nogil=True)
def libcaer_cmp(words, base_us, m, x, y, t, on):
    """16 bit words as EVT 3.0's, with vectors along columns; times count from the packet's base."""
    n, bad = 0, 0
    m[HIGH], m[LOW] = 0, 0
    for word in words:
        code, value = word >> 12, np.int64(word & 0xFFF)
        if code == 0:
            m[HIGH], m[READY] = value, 1
        elif code == 1:
            m[LOW], m[READY] = value, 1
        elif code == 2:
            m[Y] = value & 0x7FF  # of this encoding the column stays, the row comes with the event
        elif code == 4:
            m[BASE], m[POLARITY] = value & 0x7FF, value >> 11
        elif code == 3 or code == 5:
            time = base_us + (m[HIGH] << 12) + m[LOW]
            if code == 3:
                x[n], y[n], t[n], on[n] = m[Y], value & 0x7FF, time, value >> 11
                n += 1
                continue
            for bit in range(8):
                if value >> bit & 1:
                    x[n], y[n], t[n], on[n] = m[Y], m[BASE] + bit, time, m[POLARITY]
                    n += 1
            m[BASE] += 8
        else:
            bad += 1
    return n, bad


@njit(cache=True, nogil=True)
def mono(words, base_us, m, x, y, t, on):
    """64 bit words: 32 bit of ns since the packet's base, 16 bit x, 15 bit y, polarity."""
    for n in range(len(words)):
        word = words[n]
        x[n], y[n], on[n] = word >> 32 & 0xFFFF, word >> 48 & 0x7FFF, word >> 63
        t[n] = base_us + np.int64(word & 0xFFFFFFFF) // 1000
    return len(words), 0
