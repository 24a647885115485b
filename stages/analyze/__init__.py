"""Analyze: angles, postures, repetitions and falls of each tracked person."""

from stages.analyze.exercises import Band, Check, Exercise, Phase
from stages.analyze.options import AnalyzeOptions
from stages.analyze.stage import AnalyzeStage
from stages.analyze.state import AnalyzeState

__all__ = ["AnalyzeOptions", "AnalyzeStage", "AnalyzeState", "Band", "Check", "Exercise", "Phase"]
