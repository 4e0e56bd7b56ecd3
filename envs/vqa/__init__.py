"""Visual question answering about our scenes: facts from the simulator, families of questions in three rings, and splits"""
