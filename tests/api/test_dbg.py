import json
def test_dbg(shop, audit):
    shop.add_running("a", scaling={"minReplicas": 2})
    d=shop.get("Deployment","a-cpu")
    for e in d["metadata"]["managedFields"]: print(e["manager"],e["operation"],e.get("subresource"),e["time"],json.dumps(e["fieldsV1"])[:150], "f:spec" in e["fieldsV1"] and [k for k in e["fieldsV1"]["f:spec"]])
    import time; time.sleep(1)
    for e in shop.get("Deployment","a-cpu")["metadata"]["managedFields"]: print(e["manager"],e["operation"],e.get("subresource"),e["time"])
    print(shop.api.apply({**shop.reference("Deployment", "a-cpu"),"spec":{"replicas":5}},"somebody")) 
