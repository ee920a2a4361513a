"""Files as the official CLI's `apply` reads them: bodies of requests, and Markdown with such a head.

In: `recognise` says which files these are, `translate` puts them into the words of specs. Out: `emit`
writes a manifest as such files.
https://platform.claude.com/docs/en/cli-sdks-libraries/cli/apply
"""
