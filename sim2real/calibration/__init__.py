"""Where the cameras are and how they see: intrinsics and extrinsics from pictures of a ChArUco board, into simulation"""
