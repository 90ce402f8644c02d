"""Speed of the plant in phasors over a day: python benchmarks/phasor.py."""

import time

from hil.plant.genset import DIESEL
from hil.plant.missions import Mission, Missions
from hil.plant.parameters import Parameters
from hil.plant.phasor import Profile, Scenario, simulate

DAY = 86400.0
MISSIONS = Missions(
    missions=(
        Mission("ride-through", reserve=0.1),
        Mission("buffering", share=0.6, reserve=0.05),
        Mission("frequency", share=0.3),
        Mission("maintenance", share=0.1),
    )
)
LOAD = Profile(30.0, (30e3, 70e3), held=True, repeated=True)
SCENARIOS = {
    "following, four missions": Scenario(Parameters(missions=MISSIONS, chemistry="lfp"), load_power=LOAD),
    "forming an island": Scenario(
        Parameters(control="forming", chemistry="lfp", battery_capacity=4e6), load_power=LOAD, grid_on=0.0
    ),
    "island with a genset": Scenario(
        Parameters(control="forming", chemistry="lfp", gensets=(DIESEL,)),
        load_power=LOAD,
        grid_on=0.0,
    ),
}


def main():
    begin = time.perf_counter()
    simulate(Scenario(), 1.0)
    print(f"compiled or taken from the cache: {time.perf_counter() - begin:.1f} s")
    for name, scenario in SCENARIOS.items():
        for dt, span in ((0.01, DAY), (0.001, DAY if scenario.plant.control == "following" else DAY / 24)):
            begin, busy = time.perf_counter(), time.process_time()
            simulate(scenario, span, dt, 1.0)
            wall, busy = time.perf_counter() - begin, time.process_time() - busy
            print(
                f"{name:25s} {span / 3600:4.0f} h at {dt * 1e3:4.0f} ms:"
                f" {wall:6.1f} s, processor {busy:6.1f} s,"
                f" {span / dt / busy / 1e6:6.2f} M steps/s, {span / busy:9.0f} x real time"
            )


if __name__ == "__main__":
    main()
