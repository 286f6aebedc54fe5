// Which interpreter, of the host or of an image, serves which runtime.
#include "compute/catalogue.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/ids.h"

namespace cumulet::compute {
namespace {

namespace fs = std::filesystem;

class CatalogueTest : public ::testing::Test {
 protected:
  CatalogueTest() : folder(fs::temp_directory_path() / ("cumulet-catalogue-" + random_id(12))) {
    for (const char* name : {"ours", "own", "root/bin"}) fs::create_directories(folder / name);
    write("ours/python.json", R"({"name": "python", "title": "Python", "prefix": "python", "client": "python",
      "interpreters": [")" + (folder / "root/bin/python{version}").string() +
                                  R"("], "versions": ["3.11", "3.13"]})");
    write("ours/provided.json", R"({"name": "provided", "title": "OS-only runtime", "identifiers": ["provided.al2"]})");
  }
  ~CatalogueTest() override { fs::remove_all(folder); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder / name) << text; }
  void add_program(const std::string& name) const {
    write("root/bin/" + name, "#!/bin/sh\n");
    fs::permissions(folder / "root/bin" / name, fs::perms(0755));
  }
  Result<Catalogue> load() const { return Catalogue::load(folder / "ours", folder / "own"); }
  std::string problem() const {
    const Result<Catalogue> catalogue = load();
    return catalogue.ok() ? std::string() : catalogue.error().message();
  }
  /// The image is the folder `root`, or not there.
  FindRuntimeImage images(bool there) const {
    return [there, root = folder / "root"](const std::string& name) {
      FoundRuntimeImage found;
      found.problem = "it sleeps";
      if (!there) return found;
      auto image = std::make_shared<RuntimeImage>();
      image->uri = name + "@digest";
      image->root = root;
      found.image = std::move(image);
      return found;
    };
  }

  const fs::path folder;
};

constexpr const char* kInImage = R"({"name": "new", "title": "New Python", "identifiers": ["python3.13", "mine"],
  "root": {"image": "localhost/new:v1"}, "interpreters": ["/sbin/python", "/bin/python3.13"], "client": "python"})";

TEST_F(CatalogueTest, AVersionThatIsNotThereIsServedByTheNearest) {
  add_program("python3.11");
  const Result<Catalogue> catalogue = load();
  ASSERT_TRUE(catalogue.ok());
  EXPECT_EQ(catalogue->choose("python3.12")->interpreter, folder / "root/bin/python3.11");
  EXPECT_NE(catalogue->status("python3.12").detail.find(" serves python3.12"), std::string::npos);
  EXPECT_EQ(catalogue->status("python3.11").detail.find(" serves "), std::string::npos);
  EXPECT_FALSE(catalogue->status("perl5").supported);
  EXPECT_TRUE(catalogue->status("provided.al2").installed);
}

TEST_F(CatalogueTest, OwnFilesAndListedNamesComeFirst) {
  add_program("python3.13");
  write("own/new.json", kInImage);
  Result<Catalogue> catalogue = load();
  ASSERT_TRUE(catalogue.ok());
  EXPECT_EQ(catalogue->images(), std::vector<std::string>{"localhost/new:v1"});
  EXPECT_EQ(catalogue->image_of("mine"), "localhost/new:v1");
  EXPECT_EQ(catalogue->image_of("python3.11"), "");
  catalogue->use_images(images(true));
  for (const char* name : {"python3.13", "mine"}) {
    const std::optional<RuntimeChoice> choice = catalogue->choose(name);
    ASSERT_TRUE(choice && choice->image);
    EXPECT_EQ(choice->interpreter, "/bin/python3.13");
    EXPECT_EQ(choice->note, "New Python (/bin/python3.13 in localhost/new:v1@digest)");
  }
  EXPECT_FALSE(catalogue->choose("python3.11")->image);
  EXPECT_EQ(catalogue->installed(catalogue->languages().front()).size(), 1u);
}

TEST_F(CatalogueTest, WithoutItsImageOrAProgramInItARuntimeIsNotInstalled) {
  write("own/new.json", kInImage);
  Result<Catalogue> catalogue = load();
  ASSERT_TRUE(catalogue.ok());
  catalogue->use_images(images(false));
  EXPECT_FALSE(catalogue->choose("mine"));
  EXPECT_EQ(catalogue->status("mine").detail, "the image localhost/new:v1 is not there: it sleeps");
  catalogue->use_images(images(true));
  EXPECT_FALSE(catalogue->choose("mine"));
  EXPECT_EQ(catalogue->status("mine").detail, "localhost/new:v1@digest has none of /sbin/python, /bin/python3.13");
  EXPECT_TRUE(catalogue->status("mine").supported);
}

TEST_F(CatalogueTest, AListedInterpreterOfTheHostNeedsNoVersion) {
  add_program("mine");
  write("own/mine.json", R"({"name": "mine", "title": "Mine", "identifiers": ["mine1"], "client": "python",
    "interpreters": ["/no/such", ")" +
                             (folder / "root/bin/mine").string() + "\"]}");
  const Result<Catalogue> catalogue = load();
  ASSERT_TRUE(catalogue.ok());
  EXPECT_EQ(catalogue->choose("mine1")->interpreter, folder / "root/bin/mine");
}

TEST_F(CatalogueTest, AFileThatIsNotAsItShouldBeIsNamed) {
  EXPECT_EQ(problem(), "");
  const std::string begin = R"({"name": "x", "title": "X", "root": {"image": "localhost/x:v1"}, )";
  for (const auto& [rest, why] : {std::pair<const char*, const char*>{R"("prefix": "x"})", "identifiers are listed"},
                                  {R"("identifiers": ["x"], "client": "python"})", "a client needs interpreters"},
                                  {R"("identifiers": ["x"], "parks": true})", "parks needs a client"},
                                  {R"("identifiers": ["x"], "needs": "javac"})", "do not go with a root"}}) {
    write("own/x.json", begin + rest);
    EXPECT_NE(problem().find(why), std::string::npos) << problem();
    EXPECT_NE(problem().find("x.json"), std::string::npos);
  }
  write("own/x.json", R"({"name": "x", "identifiers": ["x"], "root": {"image": "x"}})");
  EXPECT_NE(problem().find("no HOST/REPOSITORY:TAG"), std::string::npos);
}

}  // namespace
}  // namespace cumulet::compute
