"""What a compile tells: summaries, quantisation, timetables, remarks; as text, JSON and pictures."""
