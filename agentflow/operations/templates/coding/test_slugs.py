import unittest

from slugs import slug


class Slugs(unittest.TestCase):
    def test_words_are_joined(self) -> None:
        assert slug("hello world") == "hello-world"

    def test_punctuation_leaves_one_hyphen(self) -> None:
        assert slug("Hello, World!") == "hello-world"


if __name__ == "__main__":
    unittest.main()
