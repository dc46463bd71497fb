// An encoder for tests that knows a few things by their Korean and English names: two texts about the same things have a cosine of 1
// whatever else they say of them, which is the worst that a real encoder does.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "answer/answer.h"
#include "text/text.h"

namespace sillok::answer {

class Concepts final : public Encoder {
 public:
  explicit Concepts(double support = 0.7) : support_(support) {}
  std::string name() const override { return "concepts"; }
  double support() const override { return support_; }
  Result<std::vector<std::vector<float>>> encode(const std::vector<std::string>& texts) override {
    if (!error.empty()) return fail(ErrorCode::kIo, error);
    std::vector<std::vector<float>> vectors;
    for (const std::string& text : texts) {
      ++encoded;
      vectors.push_back(vector_of(text::fold(text)));
    }
    return vectors;
  }

  std::string error;
  size_t encoded = 0;

 private:
  // One thing a row, the beginnings of its names.
  static constexpr std::string_view kNames[] = {
      "드레싱|dressing", "샤프트|shaft", "가공|machined", "로트|lot", "전수|fully", "검사|inspect", "건너뛴|skipped", "절입|infeed", "이송|feed rate",
      "토크렌치|torque wrench", "교정|calibrat", "불출|issued", "기한|due", "공구실|tool room", "지게차|forklift", "공장|plant", "시속|per hour", "적재물|load",
      "후진|revers", "유도자|banksman", "야간조|night shift", "늘|grow", "근무|work", "연삭실|grinding room", "주물|casting", "압축기|compressor", "소음|noise|db",
      "귀마개|ear plug", "구역|area", "상자|crate", "총중량|gross weight", "건조제|desiccant", "넣|put", "방청유|rust preventive", "스템너트|stem nut", "바르|applied",
      "방청지|paper", "싸|싼|wrapped", "숫돌|wheel", "황삭|rough", "정삭|finish", "회전수|speed", "공책|notebook", "책장|shelf", "품질보증팀|quality assurance", "고객|customer",
      "불만|complain", "균열|crack", "지체상금|delay", "하자보증|warranty", "계약금액|contract price", "납품|delivery"};
  static std::vector<float> vector_of(const std::string& text) {
    std::vector<float> vector(std::size(kNames) + 1, 0);
    vector.back() = 0.3F;
    for (size_t i = 0; i < std::size(kNames); ++i) {
      for (std::string_view name : split(kNames[i], '|')) {
        if (text.find(name) != std::string::npos) vector[i] = 1;
      }
    }
    double length = 0;
    for (const float v : vector) length += static_cast<double>(v) * static_cast<double>(v);
    for (float& v : vector) v = static_cast<float>(static_cast<double>(v) / std::sqrt(length));
    return vector;
  }
  double support_;
};

}  // namespace sillok::answer
