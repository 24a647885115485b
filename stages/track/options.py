"""What can be set on the track stage; sizes are the longer side of a person's box, so that no value is in pixels."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TrackOptions:
    """Options of the track stage. Values named "paper" are those of ByteTrack (Zhang et al., 2022) and its code."""

    high_score: float = 0.5
    """Poses from this score on take part in the first round. [0, 1]. Paper's code: track_thresh."""

    low_score: float = 0.1
    """Poses from here to `high_score` only continue people who are in view. [0, 1]. Paper."""

    new_score: float = 0.6
    """Least score of a pose that may begin a track. [0, 1]. Paper's code: track_thresh + 0.1."""

    sure_score: float = 0.9
    """From this score on a new person gets a number at once, without waiting for the second sight. [0, 1]. Our choice:
    BlazePose gives people in plain sight 0.97 and more."""

    confirm_s: float = 0.5
    """A new person below `sure_score` must be seen twice within this time, else nothing is reported. Seconds, > 0. Two
    frames at 5 frames/s with one lost between them. After a gap as long as this nobody could be seen twice, so everyone
    is taken at once, as in the first frame of the paper."""

    lost_s: float = 3.0
    """A person out of sight keeps the number for this long. Seconds, > 0. Paper: 30 frames, 1 s; ours outlasts the 2 s
    that a walker takes to pass behind a parked car (5 m at 1.4 m/s, plus doubt)."""

    recover_s: float = 0.3
    """Out of sight for longer than this, only a high score brings a person back. Seconds, >= 0. Paper: one frame."""

    high_cost: float = 0.8
    """Largest cost of a match in the first round. (0, 1]. Paper's code: match_thresh."""

    low_cost: float = 0.5
    """Largest cost of a match in the second round, with low scores. (0, 1]. Paper's code."""

    new_cost: float = 0.7
    """Largest cost of the match that confirms a new person. (0, 1]. Paper's code."""

    pose_weight: float = 0.5
    """Share of the keypoints (1 - OKS) in the cost; the boxes, (1 - GIoU) / 2, have the rest. [0, 1]."""

    duplicate_oks: float = 0.7
    """A pose this like an already matched one is a second skeleton on the same person and begins no track. [0, 1]. At
    0.7 the keypoints lie closer than two annotators of COCO put them apart on average."""

    gate: float = 13.8
    """Squared Mahalanobis distance of the centre beyond which a match needs a like pose. The 0.999 quantile of chi
    squared with 2 degrees of freedom."""

    gate_oks: float = 0.5
    """Poses at least this alike match across the gate, as when a table hides the legs and the box halves. [0, 1]."""

    fallen_s: float = 1.0
    """Who lies within a size of where someone vanished at most so long ago is that person: nobody walks in lying, and
    no constant velocity foretells a fall. Seconds, >= 0. A fall takes 0.7 s to the impact of the hips (Robinovitch et
    al., 2005), in the fastest part of which the skeleton may be lost."""

    fallen_cost: float = 0.7
    """Cost of such a match. [0, 1]. Below `high_cost`, and dearer than where place and pose agree."""

    limb_speed: float = 0.5
    """How fast a keypoint leaves the prediction by its own motion, for the OKS; the doubt in the velocity comes on top.
    Sizes per second, >= 0. Wrists and ankles of a walker move at up to about 1 m/s against the trunk."""

    lost_handicap: float = 0.2
    """Cost added to people out of sight where they and someone in sight want the same pose, as when one passes behind
    the other. [0, 1]. A quarter of `high_cost`; from simulated crossings, where 0.1 to 0.4 did equally well."""

    lost_cost: float = 0.4
    """Largest cost of a match with someone out of sight for more than `recover_s`. (0, 1]. That is about one size from
    where they are foretold after a second: a walker who stops behind something is 0.8 sizes from there. With 0.8 as for
    those in sight three times as many people of the simulated streets (seeds 0 to 29) took over a number."""

    edge_cost: float = 0.3
    """The same for who is foretold to be on the way over the left or right edge of the picture, in sight or not: there
    one person leaves as another comes in. (0, 1]. From the same streets: 0.2 lost people, 0.4 and more mixed them."""

    sure_cost: float = 0.3
    """From this cost of a match on the looks have a say in it. [0, 1]. People who walk on alone cost less than 0.2."""

    near_cost: float = 0.25
    """Another match that is dearer by less than this is a rival: the looks have a say in both. [0, 1]. `pose_weight`
    times 0.5, by which the OKS of two people one behind the other differs; 0.5 did equally well on these streets."""

    look_weight: float = 0.4
    """Cost added where the looks speak fully against a match. [0, 1]. As much as `lost_cost`: such a person does not
    come back by place alone. Nothing is added where they speak for it or where both look alike: then motion decides."""

    remember_s: float = 60.0
    """The looks of people out of sight are remembered for this long, of at most 64 people, to know them again. Seconds,
    > 0; below `lost_s` nobody is remembered for longer than that."""

    look_s: float = 0.1
    """Looks are learned from a sight so often. Seconds, >= 0. Sights closer together tell the same."""

    most_covered: float = 0.5
    """... and only where at most this share of the box is covered by another one. [0, 1]. The trunk is in the middle of
    it: to half of the box the clothes between the keypoints are still one's own."""

    recall_s: float = 0.8
    """A newcomer who may be someone known is looked at for at most this long before it is reported, with the old number
    or a new one. Seconds, >= 0. Within a second everyone is to be found."""

    known_ratio: float = 4.0
    """Logarithm of how much likelier the looks of a newcomer must be those of one person than of two. > 0. 1 to 55: of
    the people who came back to the simulated streets (seeds 0 to 29) three in four were known; 3 made no more known, 5
    made less."""

    known_margin: float = 3.0
    """... and by how much the logarithm must be larger than that of anyone else who is away, and of anyone in sight
    with that person. >= 0. 1 to 20."""

    measure_noise: float = 0.05
    """Standard deviation of a box's centre and sides. Sizes, > 0. Paper's code: 1/20."""

    drift: float = 0.27
    """Random walk of centre and sides. Sizes per square root of a second, > 0. Paper's code: 1/20 a frame at 30/s."""

    acceleration: float = 1.03
    """Random walk of their velocities. Sizes/s per square root of a second, > 0. Paper's code: 1/160 a frame, at 30/s
    (30/160 x sqrt(30))."""

    start_speed: float = 1.9
    """Standard deviation of a new person's velocity. Sizes/s, > 0. Paper's code: 10/160 a frame at 30/s; 3 m/s."""

    def __post_init__(self) -> None:
        if not 0 <= self.low_score <= self.high_score <= self.new_score <= 1:
            raise ConfigError(
                f"track: low_score {self.low_score}, high_score {self.high_score} and new_score {self.new_score} "
                "must lie in [0, 1] and grow in this order"
            )
        for name in (
            *("confirm_s", "lost_s", "high_cost", "low_cost", "new_cost", "gate", "lost_cost", "edge_cost"),
            *("remember_s", "known_ratio"),
            *("measure_noise", "drift", "acceleration", "start_speed"),
        ):
            if not getattr(self, name) > 0:
                raise ConfigError(f"track: {name} is {getattr(self, name)}, must be above 0")
        for name in ("recover_s", "limb_speed", "fallen_s", "look_s", "recall_s", "known_margin"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"track: {name} is {getattr(self, name)}, must not be below 0")
        for name in (
            *("sure_score", "pose_weight", "lost_handicap", "duplicate_oks", "gate_oks", "fallen_cost"),
            *("sure_cost", "near_cost", "look_weight", "most_covered"),
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"track: {name} is {getattr(self, name)}, must lie in [0, 1]")
