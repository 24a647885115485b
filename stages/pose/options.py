"""What can be set about finding keypoints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoseOptions:
    """Settings of the stage `pose`."""

    min_score: float = 0.5
    """Least score of a person whose region is already followed, [0, 1]. mediapipe's min_tracking_confidence."""

    min_new_score: float = 0.5
    """Least score of a person newly found by the detector, [0, 1]. mediapipe's min_detection_confidence."""

    merge: float = 0.2
    """A detection whose centre is nearer to a followed region than this share of the smaller side is that person and
    not looked at again. The side is 1.25 body heights, so this is the width of the hips of two people side by side.
    What lies farther is looked at, and `same_person` decides: the nearer of two people hides no more than that."""

    regain: float = 0.35
    """A detection whose centre is nearer than this to the region of someone who was lost says where to look for them.
    So far apart lie two detections of one person, as measured on real clips."""

    same_person: float = 0.5
    """Two skeletons with at least this object keypoint similarity (COCO), mirrored or not, are one person, [0, 1].
    About 0.5 is left when one is shifted by 0.08 of the body height."""

    fair_score: float = 0.5
    """A newly found person is given out after `fair_s` when the score times the mean score of the keypoints within the
    frame is at least this, [0, 1]: as sure as not. People seen from the side or from behind have about 0.7, and so
    have things that pass for a person."""

    fair_s: float = 0.2
    """Seconds of event time for which a newcomer with `fair_score` has to move as people do. The keypoints of a thing
    leap about, or it is gone at the next look."""

    sure_score: float = 0.85
    """From this score on `sure_s` is enough, [0, 1]. People in plain sight have 0.9 and more; a thing seldom does, and
    then not for long."""

    sure_s: float = 0.1
    """The same for one with `sure_score`: a second look at ten frames a second."""

    alone_s: float = 0.5
    """In the first frame, and in one before which none came for so many seconds of event time, there is no second look
    to wait for, and the sure are given out at once."""

    margin: float = 0.15
    """Boxes go around keypoints; they are made larger on each side by this share of their size before it is asked who
    lies within whom: the top of the head and the hands lie beyond the keypoints."""

    inside: float = 0.6
    """A skeleton lies within another when at least this share of its box does, [0, 1]."""

    probation_s: float = 1.0
    """Seconds of event time for which a new skeleton within the box of another person has to move as people do before
    it is given out. A limb or hair taken for a person does not: its keypoints leap about."""

    part_size: float = 0.75
    """A skeleton within another is a part of that person when its region is at most this share of the other's, ..."""

    part_score: float = 0.85
    """... and its mean keypoint score at most this share of the other's. A child in front of an adult scores
    as high."""

    linger_s: float = 0.5
    """Seconds of event time for which someone who is lost is looked for where the last velocity leads, but no longer
    than they were seen before. Two people who walk past each other hide one another for about 0.4 s."""

    looks_per_s: float = 0.0
    """Most skeletons that are looked at in a second of event time, on average, [0, 10000]; 0 = everyone in every frame.
    With more people than that everyone gets their turn, newcomers first and then whoever has waited longest. For the
    others the last skeleton is given out, moved on by its velocity, with all keypoint scores 0."""

    max_people: int = 20
    """Most regions that are looked at in a frame; followed ones come first, then detections by score."""

    colour: bool = True
    """Whether the colours of people's clothes are taken (mean and spread of upper body and legs, nothing else). By them
    the stage `track` knows someone again who was away for long. They end there and are never stored in the database.
    Without them only the lengths of limbs tell who came back, which is seldom enough."""
