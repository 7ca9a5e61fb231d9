"""What holds for all tests."""

import os

# Tests start servers as children while gRPC runs in this process. gRPC's own handlers of fork()
# start threads in the child before it becomes the server, which then may never start.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
