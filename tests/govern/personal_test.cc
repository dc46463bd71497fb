#include "home.h"

namespace sillok::govern {
namespace {

struct Case {
  const char* text;
  const char* kinds;   // found, in order
  const char* masked;
};

TEST(Personal, FindsAndMasks) {
  const Case cases[] = {
      // resident registration numbers: with a check digit; given since October 2020; named as one
      {"주민번호 900101-1234568 확인", "resident_number", "주민번호 900101-1****** 확인"},
      {"9001011234568", "resident_number", "9001011******"},
      {"９００１０１－１２３４５６８", "resident_number", "９００１０１－１＊＊＊＊＊＊"},
      {"자녀 211005-3123456", "resident_number", "자녀 211005-3******"},
      {"주민등록번호: 900101-1234567", "resident_number", "주민등록번호: 900101-1******"},
      {"관리번호 900101-1234567", "", "관리번호 900101-1234567"},
      {"901301-1234568", "", "901301-1234568"},
      // phones
      {"연락처 010-1234-5678.", "phone", "연락처 010-****-5678."},
      {"01012345678", "phone", "010****5678"},
      {"+82 10-1234-5678", "phone", "+82 1*-****-5678"},
      {"전화 02-123-4567", "phone", "전화 02-1**-4567"},
      {"031) 123-4567", "phone", "031) ***-4567"},
      {"대표번호 1588-1234", "", "대표번호 1588-1234"},
      {"제품 0212345678", "", "제품 0212345678"},
      // cards
      {"카드 4111-1111-1111-1111", "card", "카드 ****-****-****-1111"},
      {"4111 1111 1111 1112", "", "4111 1111 1111 1112"},
      {"378282246310005", "card", "***********0005"},
      // accounts
      {"입금계좌 신한 110-123-456789", "account", "입금계좌 신한 110-***-******"},
      {"국민은행 123456-01-123456", "account", "국민은행 123***-**-******"},
      {"도면 110-123-456789", "", "도면 110-123-456789"},
      {"IBAN DE89 3704 0044 0532 0130 00", "account", "IBAN DE89 3*** **** **** **** **"},
      {"DE88370400440532013000", "", "DE88370400440532013000"},
      // passports
      {"여권번호 M12345678", "passport", "여권번호 M********"},
      {"passport no. M123A4567", "passport", "passport no. M********"},
      {"부품 M12345678", "", "부품 M12345678"},
      // driver licences
      {"면허 11-23-123456-78", "driver_licence", "면허 11-**-******-**"},
      {"면허 서울 23-123456-78", "driver_licence", "면허 서울 23-******-**"},
      {"99-23-123456-78", "", "99-23-123456-78"},
      // e-mail
      {"보낸이 hong.gildong@agency.go.kr님", "email", "보낸이 h***********@agency.go.kr님"},
      {"변수 a@b 와 @줄", "", "변수 a@b 와 @줄"},
      // addresses
      {"서울특별시 종로구 세종대로 209에 있다", "address", "서울특별시 종로구 세종대로 ***에 있다"},
      {"경기도 성남시 분당구 정자일로 95, 101동 1203호", "address", "경기도 성남시 분당구 정자일로 **, ***＊ ****＊"},
      {"강원도 춘천시 신북읍 산천리 12-3번지", "address", "강원도 춘천시 신북읍 산천리 ****＊＊"},
      {"회의는 세종시 본청에서 시범으로 3개월간 한다", "", "회의는 세종시 본청에서 시범으로 3개월간 한다"},
      {"제3조제2항에 따라 2024. 3. 1.부터 12명", "", "제3조제2항에 따라 2024. 3. 1.부터 12명"},
      // together
      {"홍길동 010-1234-5678 hong@a.kr 900101-1234568", "phone email resident_number",
       "홍길동 010-****-5678 h***@a.kr 900101-1******"},
      {"", "", ""},
  };
  for (const Case& c : cases) {
    std::string kinds;
    const std::string text = c.text;
    size_t end = 0;
    for (const Personal& found : find_personal(text)) {
      kinds += (kinds.empty() ? "" : " ") + std::string(to_string(found.kind));
      EXPECT_GE(found.begin, end) << text;
      EXPECT_LT(found.begin, found.end) << text;
      end = found.end;
    }
    EXPECT_EQ(kinds, c.kinds) << text;
    EXPECT_EQ(mask_personal(text), c.masked) << text;
    EXPECT_EQ(mask_personal(text).size(), text.size()) << text;
  }
}

// Any bytes at all: no crash, offsets within the text, and at character boundaries.
TEST(Personal, AnyBytes) {
  uint64_t seed = 7;
  const std::string alphabet = "0123456789-- .@+MK가로동 구시서울은행계좌\xff\xf0\x9f";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const size_t size = hash64("size", seed++) % 60;
    for (size_t i = 0; i < size; ++i) text += alphabet[hash64("c", seed++) % alphabet.size()];
    size_t end = 0;
    for (const Personal& found : find_personal(text)) {
      ASSERT_LE(end, found.begin);
      ASSERT_LT(found.begin, found.end);
      ASSERT_LE(found.end, text.size());
      end = found.end;
    }
    ASSERT_EQ(mask_personal(text).size(), text.size());
  }
}

}  // namespace
}  // namespace sillok::govern
