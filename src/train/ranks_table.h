// What the plug-in sillok_mpi.so gives: MPI behind plain functions, each 0 or MPI's error code. Private to train.
#pragma once

namespace sillok::train {

struct MpiTable {
  int version;  // kMpiTableVersion
  int (*start)(int* rank, int* count, int* local_count);  // local: on this machine
  // Part r of `send` goes to rank r; part r of `receive` comes from it.
  int (*all_to_all)(const float* send, float* receive, int values_a_rank);
  int (*all_gather)(const void* send, void* receive, int bytes_a_rank);
  void (*stop)();
};
inline constexpr int kMpiTableVersion = 1;
inline constexpr const char* kMpiTableSymbol = "sillok_mpi_table";

}  // namespace sillok::train
