// The plug-in that speaks MPI: see ranks.h.
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <ctime>

#include "train/ranks_table.h"

namespace {

int start(int* rank, int* count, int* local_count) {
  int provided = 0;
  if (const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided); code != MPI_SUCCESS) return code;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm local = MPI_COMM_NULL;
  if (const int code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local); code != MPI_SUCCESS) return code;
  MPI_Comm_size(local, local_count);
  MPI_Comm_free(&local);
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  return MPI_Comm_size(MPI_COMM_WORLD, count);
}
// Waiting sleeps instead of spinning, as MPI itself would: ranks that wait for a slower one leave it the cores and the power. Steps
// take tenths of a second and more.
int wait(MPI_Request request) {
  constexpr int kTries = 2000;        // some hundred microseconds of looking without sleep
  constexpr long kSleepNs = 100'000;
  for (int tries = 0, done = 0;; ++tries) {
    if (const int code = MPI_Test(&request, &done, MPI_STATUS_IGNORE); code != MPI_SUCCESS) return code;
    if (done != 0) return MPI_SUCCESS;
    if (tries < kTries) continue;
    const timespec pause{0, kSleepNs};
    ::nanosleep(&pause, nullptr);
  }
}
int all_to_all(const float* send, float* receive, int values_a_rank) {
  MPI_Request request = MPI_REQUEST_NULL;
  const int code = MPI_Ialltoall(send, values_a_rank, MPI_FLOAT, receive, values_a_rank, MPI_FLOAT, MPI_COMM_WORLD, &request);
  return code != MPI_SUCCESS ? code : wait(request);
}
int all_gather(const void* send, void* receive, int bytes_a_rank) {
  MPI_Request request = MPI_REQUEST_NULL;
  const int code = MPI_Iallgather(send, bytes_a_rank, MPI_BYTE, receive, bytes_a_rank, MPI_BYTE, MPI_COMM_WORLD, &request);
  return code != MPI_SUCCESS ? code : wait(request);
}
void stop() { MPI_Finalize(); }

}  // namespace

extern "C" __attribute__((visibility("default"))) const sillok::train::MpiTable sillok_mpi_table = {sillok::train::kMpiTableVersion, start,
                                                                                                    all_to_all, all_gather, stop};
