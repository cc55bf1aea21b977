"""What a small indoor blimp is made of: the numbers that `sim_worlds.airship` needs, and where they come from.

The hull is a prolate spheroid twice as long as it is thick. Its size is that of the fitted vertical axis: 5 g of
ballast accelerate the TU Delft blimp by 0.12 m/s^2, so that mass and added mass together weigh 0.409 kg, and a neutral
blimp weighs what it displaces. Added mass is Lamb's for that spheroid. Vertical drag and thrust are those of the fit;
what the fit does not show (drag along the hull, inertia, fins, where things sit) is estimated and says so.
"""

import math

GRAVITY_MPS2 = 9.81
AIR_KGPM3, AIR_C = 1.2, 20.0  # density, and the temperature at which it has it
HEAVE_KG = 0.005 * GRAVITY_MPS2 / 0.12  # mass and added mass of the fitted vertical axis
LAMB_LONG, LAMB_CROSS, LAMB_TURN = 0.2094, 0.7024, 0.2394  # coefficients of a 2:1 prolate spheroid (Lamb 1932)
VOLUME_M3 = HEAVE_KG / (AIR_KGPM3 * (1.0 + LAMB_CROSS))
DISPLACED_KG = AIR_KGPM3 * VOLUME_M3
MASS_KG = DISPLACED_KG  # a neutral blimp, its helium included
RADIUS_M = (3.0 * VOLUME_M3 / (8.0 * math.pi)) ** (1.0 / 3.0)
HALF_LENGTH_M = 2.0 * RADIUS_M

# Added mass along the hull and across it, and about an axis across it (a spheroid turns freely about its own).
ADDED_LONG_KG, ADDED_CROSS_KG = LAMB_LONG * DISPLACED_KG, LAMB_CROSS * DISPLACED_KG
ADDED_TURN_KGM2 = LAMB_TURN * DISPLACED_KG * (HALF_LENGTH_M**2 + RADIUS_M**2) / 5.0

# Inertia about the centre of the hull: a shell of 60 g, its gas, 140 g of gondola 0.3 m below, a tail rotor (estimate).
INERTIA_KGM2 = (0.0165, 0.0310, 0.0190)
BALLAST_M = 0.175  # centre of mass below the centre of the hull: 140 g of 240 g, 0.3 m down

# Quadratic drag, N per (m/s)^2 and N m per (rad/s)^2. Across: the fitted 0.96 1/m. Along: 0.35 of the frontal area,
# gondola and fins included (estimate). Turning: the drag across, integrated over strips of the hull.
DRAG_CROSS = 0.96 * HEAVE_KG
DRAG_LONG = 0.5 * AIR_KGPM3 * 0.35 * math.pi * RADIUS_M**2
_SIDE_COEFFICIENT = DRAG_CROSS / (0.5 * AIR_KGPM3 * math.pi * HALF_LENGTH_M * RADIUS_M)
DRAG_TURN = 0.5 * AIR_KGPM3 * _SIDE_COEFFICIENT * 4.0 * RADIUS_M * HALF_LENGTH_M**4 * 2.0 / 15.0
DRAG_ROLL = 0.002  # gondola through the air (estimate)

FIN_N = 0.5 * AIR_KGPM3 * 0.08 * 3.0  # upright fins of 0.08 m^2 with a lift slope of 3 (estimate)
FIN_M = 0.5  # behind the centre

# Motors: the fitted pair on its servo shaft lifts, a second such pair pushes forward, one such motor turns the tail.
GONDOLA_M = 0.3  # the forward pair sits that far below the centre, so that thrust lifts the nose
TAIL_M = HALF_LENGTH_M  # the tail rotor sits that far behind it
SHARE = (HEAVE_KG, 0.5 * HEAVE_KG, HEAVE_KG)  # newtons per m/s^2 of the fitted pair: altitude, heading, speed
