// Private to engine: requests that wait. Higher priority first; within one, clients take turns and each client's own
// requests keep their order. One thread at a time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/sequence.h"

namespace sillok::engine {

class Waiting {
 public:
  void push(std::unique_ptr<Sequence> sequence);
  void push_front(std::unique_ptr<Sequence> sequence);  // was running: before all of its priority
  // The next in turn, nullptr if none waits. peek and pop agree.
  Sequence* peek();
  std::unique_ptr<Sequence> pop();
  // Takes out and gives every one that `matches`.
  std::vector<std::unique_ptr<Sequence>> take_if(const std::function<bool(const Sequence&)>& matches);
  size_t size() const { return size_; }

 private:
  struct Level {
    std::deque<std::unique_ptr<Sequence>> first;  // put back
    std::map<std::string, std::deque<std::unique_ptr<Sequence>>> clients;
    std::deque<std::string> turns;  // clients that wait, next first
  };
  std::map<int, Level, std::greater<>> levels_;
  size_t size_ = 0;
};

}  // namespace sillok::engine
