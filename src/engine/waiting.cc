#include "engine/waiting.h"

#include <algorithm>

namespace sillok::engine {

void Waiting::push(std::unique_ptr<Sequence> sequence) {
  Level& level = levels_[sequence->request.priority];
  auto& queue = level.clients[sequence->request.client];
  if (queue.empty()) level.turns.push_back(sequence->request.client);
  queue.push_back(std::move(sequence));
  ++size_;
}

void Waiting::push_front(std::unique_ptr<Sequence> sequence) {
  levels_[sequence->request.priority].first.push_front(std::move(sequence));
  ++size_;
}

Sequence* Waiting::peek() {
  if (levels_.empty()) return nullptr;
  Level& level = levels_.begin()->second;
  if (!level.first.empty()) return level.first.front().get();
  return level.clients.at(level.turns.front()).front().get();
}

std::unique_ptr<Sequence> Waiting::pop() {
  if (levels_.empty()) return nullptr;
  Level& level = levels_.begin()->second;
  std::unique_ptr<Sequence> next;
  if (!level.first.empty()) {
    next = std::move(level.first.front());
    level.first.pop_front();
  } else {
    const std::string client = std::move(level.turns.front());
    level.turns.pop_front();
    auto& queue = level.clients.at(client);
    next = std::move(queue.front());
    queue.pop_front();
    if (queue.empty()) {
      level.clients.erase(client);
    } else {
      level.turns.push_back(client);
    }
  }
  if (level.first.empty() && level.turns.empty()) levels_.erase(levels_.begin());
  --size_;
  return next;
}

std::vector<std::unique_ptr<Sequence>> Waiting::take_if(const std::function<bool(const Sequence&)>& matches) {
  std::vector<std::unique_ptr<Sequence>> taken;
  const auto sift = [&](std::deque<std::unique_ptr<Sequence>>& queue) {
    for (auto at = queue.begin(); at != queue.end();) {
      if (matches(**at)) {
        taken.push_back(std::move(*at));
        at = queue.erase(at);
      } else {
        ++at;
      }
    }
  };
  for (auto level = levels_.begin(); level != levels_.end();) {
    sift(level->second.first);
    auto& clients = level->second.clients;
    for (auto client = clients.begin(); client != clients.end();) {
      sift(client->second);
      if (client->second.empty()) {
        std::erase(level->second.turns, client->first);
        client = clients.erase(client);
      } else {
        ++client;
      }
    }
    level = level->second.first.empty() && clients.empty() ? levels_.erase(level) : std::next(level);
  }
  size_ -= taken.size();
  return taken;
}

}  // namespace sillok::engine
