#include "executor/attest/os_packages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>

namespace slipway::attest {
namespace {

using ::testing::HasSubstr;

const Distribution kDebian{.id = "debian", .version = "12"};

std::vector<std::string> Urls(const std::vector<Package>& packages, const Distribution& distribution = kDebian) {
  std::vector<std::string> out;
  for (const Package& package : packages) out.push_back(Purl(package, distribution));
  return out;
}

TEST(Dpkg, InstalledPackagesOnly) {
  const auto packages = ReadDpkg(
      "Package: bash\n"
      "Essential: yes\n"
      "Status: install ok installed\n"
      "Architecture: amd64\n"
      "Version: 5.2.15-2+b2\n"
      "Description: GNU Bourne Again SHell\n"
      " Version: 9 in a description is none\n"
      " .\n"
      " More of it.\n"
      "\n"
      "Package: gone\n"
      "Status: deinstall ok config-files\n"
      "Architecture: amd64\n"
      "Version: 1\n"
      "\n"
      "Package: libstdc++6\n"
      "Status: install ok installed\n"
      "Architecture: amd64\n"
      "Source: gcc-12 (12.2.0-14)\n"
      "Version: 12.2.0-14\n");
  EXPECT_THAT(Urls(packages),
              ::testing::ElementsAre("pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12",
                                     "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=amd64&distro=debian-12"));
  EXPECT_EQ(packages[1].source, "gcc-12");
}

TEST(Dpkg, AFileOfStatusDHasNoStatus) {
  EXPECT_EQ(Urls(ReadDpkg("Package: tzdata\r\nVersion: 2024a-0+deb12u1\r\nArchitecture: all\r\n")).at(0),
            "pkg:deb/debian/tzdata@2024a-0%2Bdeb12u1?arch=all&distro=debian-12");
}

TEST(Dpkg, NonsenseGivesNothing) {
  EXPECT_TRUE(ReadDpkg("").empty());
  EXPECT_TRUE(ReadDpkg("no colon\n\n\n").empty());
  EXPECT_TRUE(ReadDpkg("Package: a\n\nVersion: 1\n").empty()) << "two stanzas, neither whole";
}

TEST(Dpkg, FieldsAreBoundedAndClean) {
  const auto packages =
      ReadDpkg("Package: " + std::string(5000, 'x') + "\nVersion: 1\x01\xff\nStatus: install ok installed\n");
  ASSERT_EQ(packages.size(), 1U);
  EXPECT_EQ(packages[0].name.size(), kLongestField);
  EXPECT_EQ(packages[0].version.find('\x01'), std::string::npos);
}

TEST(Apk, NamesVersionsLicencesOrigins) {
  const auto packages = ReadApk(
      "C:Q1sSNCl4MTQ0d1V/0NTAhIjY7cqko=\n"
      "P:musl\n"
      "V:1.2.4-r2\n"
      "A:x86_64\n"
      "L:MIT\n"
      "o:musl\n"
      "F:lib\n"
      "R:ld-musl-x86_64.so.1\n"
      "\n"
      "P:libcrypto3\n"
      "V:3.1.4-r5\n"
      "A:x86_64\n"
      "L:Apache-2.0\n"
      "o:openssl\n"
      "\n");
  EXPECT_THAT(Urls(packages, {.id = "alpine", .version = "3.19.1"}),
              ::testing::ElementsAre("pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.1",
                                     "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=alpine-3.19.1"));
  EXPECT_EQ(packages[0].source, "");
  EXPECT_EQ(packages[1].source, "openssl");
  EXPECT_EQ(packages[1].license, "Apache-2.0");
}

std::string Big(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

/// A header as rpm keeps it. Texts are given by tag.
std::string RpmHeader(const std::vector<std::pair<uint32_t, std::string>>& texts, int64_t epoch = -1) {
  std::string index;
  std::string data;
  uint32_t tags = 0;
  for (const auto& [tag, text] : texts) {
    index += Big(tag) + Big(6) + Big(static_cast<uint32_t>(data.size())) + Big(1);
    data += text + '\0';
    ++tags;
  }
  if (epoch >= 0) {
    while (data.size() % 4 != 0) data += '\0';
    index += Big(1003) + Big(4) + Big(static_cast<uint32_t>(data.size())) + Big(1);
    data += Big(static_cast<uint32_t>(epoch));
    ++tags;
  }
  return Big(tags) + Big(static_cast<uint32_t>(data.size())) + index + data;
}

const std::string kOpenssl = RpmHeader({{1000, "openssl-libs"},
                                        {1001, "3.2.1"},
                                        {1002, "2.fc40"},
                                        {1014, "Apache-2.0"},
                                        {1022, "x86_64"},
                                        {1044, "openssl-3.2.1-2.fc40.src.rpm"}},
                                       1);

TEST(RpmHeader, SaysWhatIsInstalled) {
  const auto package = ParseRpmHeader(kOpenssl);
  ASSERT_TRUE(package.ok()) << package.status().message();
  EXPECT_EQ(Purl(*package, {.id = "fedora", .version = "40"}),
            "pkg:rpm/fedora/openssl-libs@3.2.1-2.fc40?arch=x86_64&distro=fedora-40&epoch=1");
  EXPECT_EQ(package->license, "Apache-2.0");
  EXPECT_EQ(package->source, "openssl-3.2.1-2.fc40.src.rpm");
}

TEST(RpmHeader, WhatClaimsMoreThanThereIsIsRefused) {
  EXPECT_EQ(ParseRpmHeader("").code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseRpmHeader(Big(0xffffffff) + Big(0xffffffff)).code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseRpmHeader(Big(1) + Big(4) + std::string(19, '\0')).code(), Code::kInvalidArgument);
  // A name whose text lies behind the data.
  EXPECT_EQ(ParseRpmHeader(Big(1) + Big(2) + Big(1000) + Big(6) + Big(0x7fffffff) + Big(1) + "a\0").code(),
            Code::kInvalidArgument);
  // Every beginning of a good one, and every byte of it turned over: an answer, whatever it is.
  for (size_t i = 0; i < kOpenssl.size(); ++i) {
    EXPECT_FALSE(ParseRpmHeader(kOpenssl.substr(0, i)).ok());
    std::string changed = kOpenssl;
    changed[i] = static_cast<char>(~changed[i]);
    ParseRpmHeader(changed).status().Ignore();
  }
}

/// The bytes of a database with these statements run on it; `log`: as one that was written with a log.
std::string Database(const std::string& sql, const std::vector<std::string>& headers, bool log) {
  sqlite3* handle = nullptr;
  EXPECT_EQ(::sqlite3_open(":memory:", &handle), SQLITE_OK);
  const std::unique_ptr<sqlite3, decltype(&::sqlite3_close)> db(handle, &::sqlite3_close);
  EXPECT_EQ(::sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << ::sqlite3_errmsg(handle);
  for (const std::string& header : headers) {
    sqlite3_stmt* insert = nullptr;
    ::sqlite3_prepare_v2(handle, "INSERT INTO Packages (blob) VALUES (?)", -1, &insert, nullptr);
    ::sqlite3_bind_blob(insert, 1, header.data(), static_cast<int>(header.size()), SQLITE_TRANSIENT);
    EXPECT_EQ(::sqlite3_step(insert), SQLITE_DONE);
    ::sqlite3_finalize(insert);
  }
  sqlite3_int64 size = 0;
  unsigned char* bytes = ::sqlite3_serialize(handle, "main", &size, 0);
  std::string out(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  ::sqlite3_free(bytes);
  if (log) out[18] = out[19] = 2;
  return out;
}

constexpr const char* kRpmSchema =
    "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)";

TEST(RpmDatabase, EachHeaderIsAPackage) {
  const std::string key = RpmHeader({{1000, "gpg-pubkey"}, {1001, "a15b79cc"}, {1002, "63d04c2c"}});
  for (const bool log : {false, true}) {
    const auto packages = ReadRpmSqlite(Database(kRpmSchema, {kOpenssl, key, "damaged"}, log));
    ASSERT_TRUE(packages.ok()) << packages.status().message();
    ASSERT_EQ(packages->size(), 1U);
    EXPECT_EQ(packages->at(0).name, "openssl-libs");
  }
}

TEST(RpmDatabase, WhatIsNoneIsRefused) {
  EXPECT_EQ(ReadRpmSqlite("").code(), Code::kInvalidArgument);
  EXPECT_EQ(ReadRpmSqlite(std::string(200, 'x')).code(), Code::kInvalidArgument);
  EXPECT_EQ(ReadRpmSqlite(Database("CREATE TABLE other (a)", {}, false)).code(), Code::kInvalidArgument);
  std::string damaged = Database(kRpmSchema, std::vector<std::string>(50, kOpenssl), false);
  std::fill(damaged.begin() + 4096, damaged.begin() + 8192, '\xee');
  EXPECT_EQ(ReadRpmSqlite(damaged).code(), Code::kInvalidArgument);
}

TEST(RpmDatabase, AViewThatNeverEndsIsNotRun) {
  const auto packages = ReadRpmSqlite(
      Database("CREATE VIEW Packages AS WITH RECURSIVE n(hnum) AS (SELECT 1 UNION ALL SELECT hnum + 1 FROM n) "
               "SELECT hnum, zeroblob(10) AS blob FROM n",
               {}, false));
  EXPECT_EQ(packages.code(), Code::kInvalidArgument);
}

TEST(OsRelease, QuotedOrNot) {
  const Distribution distribution = ParseOsRelease(
      "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n");
  EXPECT_EQ(distribution.id, "debian");
  EXPECT_EQ(distribution.version, "12");
  EXPECT_EQ(ParseOsRelease("nothing").id, "");
}

TEST(Purl, PartsAreEncoded) {
  EXPECT_EQ(Purl({.type = "npm", .space = "@babel", .name = "core", .version = "7.24.0"}, {}),
            "pkg:npm/%40babel/core@7.24.0");
  EXPECT_EQ(Purl({.type = "golang", .space = "github.com/pkg", .name = "errors", .version = "v0.9.1"}, kDebian),
            "pkg:golang/github.com/pkg/errors@v0.9.1");
  EXPECT_EQ(Purl({.type = "pypi", .name = "Typing_Extensions", .version = "4.9.0"}, {}),
            "pkg:pypi/typing-extensions@4.9.0");
  EXPECT_THAT(Purl({.type = "deb", .name = "x", .version = "1:2"}, {}), HasSubstr("pkg:deb/x@1:2"));
}

}  // namespace
}  // namespace slipway::attest
