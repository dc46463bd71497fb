// What a launcher's environment says. Runs on several processes: tests/system/ranks_test.cc.
#include <map>

#include "train/ranks.h"
#include "training_models.h"

namespace sillok::train {
namespace {

Launch launch_of(const std::map<std::string, std::string>& environment) {
  return read_launch([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(RanksTest, KnowsMpirunAndSrun) {
  EXPECT_EQ(launch_of({}).count, 1);
  EXPECT_EQ(launch_of({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}).count, 1);
  const Launch mpirun = launch_of({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}});
  EXPECT_EQ(mpirun.rank, 2);
  EXPECT_EQ(mpirun.count, 4);
  EXPECT_EQ(launch_of({{"PMIX_RANK", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}}).rank, 1);
  EXPECT_EQ(launch_of({{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}}).count, 3);
  EXPECT_EQ(launch_of({{"SLURM_PROCID", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}}).count, 2);
  EXPECT_EQ(launch_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}).count, 1);  // a batch script's own step is one process
}

TEST(RanksTest, AloneCostsNothing) {
  const auto alone = Ranks::join();
  ASSERT_TRUE(alone);
  EXPECT_TRUE((*alone)->first());
  EXPECT_EQ((*alone)->count(), 1U);
  std::vector<double> values = {1, 2};
  EXPECT_TRUE((*alone)->sum(values));
  EXPECT_EQ(values, (std::vector<double>{1, 2}));
  EXPECT_FALSE((*alone)->agree(fail(ErrorCode::kIo, "x")));
}

}  // namespace
}  // namespace sillok::train
