from tests.budgets.wire import watched
from tests.images import make_image
from tests.budgets.test_explore import NAME, PLAIN, IMAGE
def test_it(store):
    place = store.place()
    with place.open() as r:
        repo = r.repository(NAME); PLAIN.push(repo, "a", "b"); IMAGE.push(repo, "c", "d")
    with place.open() as r, watched() as wire:
        r.repository(NAME).tags.delete("c")
    with place.open() as r, watched() as wire2:
        r.repository(NAME).manifests.delete(PLAIN.digest)
    with place.open() as r:
        repo=r.repository(NAME); u = repo.uploads.create(); u.write(b"x"*1000); u.park()
    with place.open() as r, watched() as wire3:
        r.repository(NAME).uploads.resume(u.id).cancel()
    with open("/tmp/explore2.txt","a") as f: print(store.name, wire, wire2, wire3, sep="\n", file=f)
