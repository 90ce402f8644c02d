"""The electromagnetic-transient model: three phases, one bus, fixed steps.

Each component is a file: its flat array of states and parameters, with named slots, and
functions over it that numba compiles and that plain Python runs bit for bit the same. All
meet at one bus, the PCC. A branch, discretised by the trapezoidal rule (its state exactly,
with a voltage that is linear within the step, where it is an LCL filter), looks from the
bus like a conductance beside a current that is known: its history (H. W. Dommel, IEEE
Trans. PAS-88, 1969). So a step is: every branch adds its history to the bus, the bus's
three voltages follow from a 3 x 3 inverse that changes only when a switch does, and every
branch takes its new current from them. Kirchhoff's current law holds to rounding.

    admit    add the branch's conductances to the bus, after a switch has moved
    history  add what the branch's current would be with no voltage at the bus
    update   move the branch to the end of the step, and let switches open at current zero
    control  what the component does once per control period
"""
