"""Scene questions as a benchmark: made, written for other tools, asked, scored and reported"""
