"""Analyze: angles, postures, repetitions and falls of each tracked person."""

from stages.analyze.exercises import SQUAT, Band, Exercise
from stages.analyze.options import AnalyzeOptions
from stages.analyze.stage import AnalyzeStage
from stages.analyze.state import AnalyzeState

__all__ = ["SQUAT", "AnalyzeOptions", "AnalyzeStage", "AnalyzeState", "Band", "Exercise"]
