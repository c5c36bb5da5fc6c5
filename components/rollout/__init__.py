"""From predictions to traffic: plans, evidence that may be looked at any time, decisions, and what carries them out."""
